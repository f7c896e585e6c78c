// SPDX-License-Identifier: Apache-2.0
#include <unicode/uscript.h>

#include "mhub/base/utf8.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

/// Kana count as Han, and a space belongs to the script before it.
int unified_script_of(char32_t c) {
  if (c == ' ') return kNoScript;
  if (c == 0x30FC) return USCRIPT_HAN;
  const int script = script_of(c);
  return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ? USCRIPT_HAN : script;
}

/// Cuts where the script changes, as SentencePiece's trainer does. What comes before the
/// first character of a known script is dropped, as in the tokenizers package.
class UnicodeScripts final : public PreTokenizer {
 public:
  void split(Piece piece, PieceSink sink) const override {
    constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    std::size_t begin = kNone;
    int last = kNoScript;
    const auto emit = [&](std::size_t end) {
      if (begin != kNone) sink({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
    };
    for (std::size_t at = 0; at < piece.text.size();) {
      const std::size_t here = at;
      const int script = unified_script_of(next_character(piece.text, at));
      if (script == kNoScript || script == last) continue;
      emit(here);
      begin = here;
      last = script;
    }
    emit(piece.text.size());
  }
};

}  // namespace

std::unique_ptr<PreTokenizer> make_unicode_scripts_pre_tokenizer(const Settings&) {
  return std::make_unique<UnicodeScripts>();
}

}  // namespace mhub::text
