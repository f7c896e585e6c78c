// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "mhub/text/post_processor/kinds.hpp"

namespace mhub::text {
namespace {

class PostProcessorSequence final : public PostProcessor {
 public:
  explicit PostProcessorSequence(const Settings& settings) {
    for (const Settings& part : settings.objects("processors")) parts_.push_back(make_post_processor(part));
  }
  void process(TokenIds& ids) const override {
    for (const auto& part : parts_) part->process(ids);
  }

 private:
  std::vector<std::unique_ptr<PostProcessor>> parts_;
};

}  // namespace

std::unique_ptr<PostProcessor> make_post_processor_sequence(const Settings& settings) {
  return std::make_unique<PostProcessorSequence>(settings);
}

}  // namespace mhub::text
