// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/normalizer/characters.hpp"
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class StripAccents final : public Normalizer {
 public:
  void normalize(NormalizedText& text) const override {
    rewrite_characters(text, [](std::string& out, char32_t c) {
      if (!is_combining_mark(c)) append_character(out, c);
    });
  }
};

}  // namespace

std::unique_ptr<Normalizer> make_strip_accents_normalizer(const Settings&) {
  return std::make_unique<StripAccents>();
}

}  // namespace mhub::text
