// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/normalizer/characters.hpp"
#include "mhub/text/normalizer/kinds.hpp"

namespace mhub::text {
namespace {

bool dropped(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
         c == 0x9F;
}

bool becomes_space(char32_t c) {
  switch (c) {
    case '\t':
    case '\n':
    case '\f':
    case '\r':
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x2581:
    case 0xFEFF:
    case 0xFFFD: return true;
    default: return c >= 0x200B && c <= 0x200F;
  }
}

/// SentencePiece's "nmt" rules: control characters go, exotic white space becomes a space.
class Nmt final : public Normalizer {
 public:
  void normalize(NormalizedText& text) const override {
    rewrite_characters(text, [](std::string& out, char32_t c) {
      if (!dropped(c)) append_character(out, becomes_space(c) ? U' ' : c);
    });
  }
};

}  // namespace

std::unique_ptr<Normalizer> make_nmt_normalizer(const Settings&) { return std::make_unique<Nmt>(); }

}  // namespace mhub::text
