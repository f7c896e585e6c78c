// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(const Settings& settings) {
    for (const Settings& part : settings.objects("normalizers")) parts_.push_back(make_normalizer(part));
  }
  void normalize(NormalizedText& text) const override {
    for (const auto& part : parts_) {
      const std::size_t before = text.text.size();
      part->normalize(text);
      if (text.text.size() > before) WorkLimit::made(text.text.size() - before);
    }
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

}  // namespace

std::unique_ptr<Normalizer> make_normalizer_sequence(const Settings& settings) {
  return std::make_unique<NormalizerSequence>(settings);
}

}  // namespace mhub::text
