// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/normalization.hpp"

namespace mhub::text {
namespace {

class UnicodeForm final : public Normalizer {
 public:
  explicit UnicodeForm(NormalizationForm form) : form_(form) {}
  void normalize(NormalizedText& text) const override { text.text = text::normalize(text.text, form_); }

 private:
  NormalizationForm form_;
};

}  // namespace

std::unique_ptr<Normalizer> make_nfc_normalizer(const Settings&) {
  return std::make_unique<UnicodeForm>(NormalizationForm::nfc);
}
std::unique_ptr<Normalizer> make_nfd_normalizer(const Settings&) {
  return std::make_unique<UnicodeForm>(NormalizationForm::nfd);
}
std::unique_ptr<Normalizer> make_nfkc_normalizer(const Settings&) {
  return std::make_unique<UnicodeForm>(NormalizationForm::nfkc);
}
std::unique_ptr<Normalizer> make_nfkd_normalizer(const Settings&) {
  return std::make_unique<UnicodeForm>(NormalizationForm::nfkd);
}

}  // namespace mhub::text
