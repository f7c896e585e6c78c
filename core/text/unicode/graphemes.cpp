// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/unicode/graphemes.hpp"

#include <unicode/uchar.h>

#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/recent_characters.hpp"

namespace mhub::text {
namespace {

int break_class(char32_t c) {
  const auto character = static_cast<UChar32>(c);
  if (u_charType(character) == U_UNASSIGNED && recent_category(c) == RecentCategory::Mn) return U_GCB_EXTEND;
  return u_getIntPropertyValue(character, UCHAR_GRAPHEME_CLUSTER_BREAK);
}

bool is_control(int kind) { return kind == U_GCB_CONTROL || kind == U_GCB_CR || kind == U_GCB_LF; }

bool hangul_continues(int before, int after) {
  switch (before) {
    case U_GCB_L: return after == U_GCB_L || after == U_GCB_V || after == U_GCB_LV || after == U_GCB_LVT;
    case U_GCB_LV:
    case U_GCB_V: return after == U_GCB_V || after == U_GCB_T;
    case U_GCB_LVT:
    case U_GCB_T: return after == U_GCB_T;
    default: return false;
  }
}

bool is_pictograph(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_EXTENDED_PICTOGRAPHIC);
}

}  // namespace

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  const char32_t first = next_character(text, at);
  if (at == text.size()) return at;
  const auto ascii = [&](std::size_t i) { return static_cast<unsigned char>(text[i]) < 0x80; };
  if (first < 0x80 && first != '\r' && ascii(at)) return at;
  int before = break_class(first);
  bool pictograph = is_pictograph(first);  // ... followed by nothing but Extend and at last ZWJ
  std::size_t indicators = before == U_GCB_REGIONAL_INDICATOR ? 1 : 0;
  while (at < text.size()) {
    std::size_t behind = at;
    const char32_t c = next_character(text, behind);
    const int after = break_class(c);
    bool joined;
    if (is_control(before) || is_control(after)) {
      joined = before == U_GCB_CR && after == U_GCB_LF;                                       // GB3 to GB5
    } else if (after == U_GCB_EXTEND || after == U_GCB_ZWJ || after == U_GCB_SPACING_MARK) {  // GB9, GB9a
      joined = true;
    } else if (before == U_GCB_PREPEND || hangul_continues(before, after)) {  // GB9b, GB6 to GB8
      joined = true;
    } else if (before == U_GCB_ZWJ && pictograph && is_pictograph(c)) {  // GB11
      joined = true;
    } else {  // GB12, GB13
      joined = before == U_GCB_REGIONAL_INDICATOR && after == U_GCB_REGIONAL_INDICATOR && indicators % 2 == 1;
    }
    if (!joined) return at;
    if (after != U_GCB_EXTEND && after != U_GCB_ZWJ) pictograph = is_pictograph(c);
    indicators = after == U_GCB_REGIONAL_INDICATOR ? indicators + 1 : 0;
    before = after;
    at = behind;
  }
  return at;
}

}  // namespace mhub::text
