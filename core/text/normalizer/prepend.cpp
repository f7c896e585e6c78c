// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

class Prepend final : public Normalizer {
 public:
  explicit Prepend(const Settings& settings) : prefix_(settings.string("prepend")) {}
  void normalize(NormalizedText& text) const override {
    if (text.text.empty()) return;
    WorkLimit::made(prefix_.size());
    text.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

}  // namespace

std::unique_ptr<Normalizer> make_prepend_normalizer(const Settings& settings) {
  return std::make_unique<Prepend>(settings);
}

}  // namespace mhub::text
