// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/byte_level_alphabet.hpp"
#include "mhub/text/normalizer/kinds.hpp"

namespace mhub::text {
namespace {

class ByteLevelNormalizer final : public Normalizer {
 public:
  void normalize(NormalizedText& text) const override {
    std::string out;
    append_byte_characters(out, text.text);
    text.text = std::move(out);
  }
};

}  // namespace

std::unique_ptr<Normalizer> make_byte_level_normalizer(const Settings&) {
  return std::make_unique<ByteLevelNormalizer>();
}

}  // namespace mhub::text
