// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/replacement.hpp"

namespace mhub::text {
namespace {

class Replace final : public Normalizer {
 public:
  explicit Replace(const Settings& settings) : replacement_(settings) {}
  void normalize(NormalizedText& text) const override {
    std::string out = replacement_.apply(text.text);
    // A match at the start that becomes nothing takes the start of the input away.
    if (text.at_start && replacement_.removes_start_of(text.text)) text.at_start = false;
    text.text = std::move(out);
  }

 private:
  Replacement replacement_;
};

}  // namespace

std::unique_ptr<Normalizer> make_replace_normalizer(const Settings& settings) {
  return std::make_unique<Replace>(settings);
}

}  // namespace mhub::text
