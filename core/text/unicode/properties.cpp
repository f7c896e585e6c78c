// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/unicode/properties.hpp"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/recent_characters.hpp"

namespace mhub::text {
namespace {

UChar32 icu(char32_t c) { return static_cast<UChar32>(c); }

/// Assigned in this Unicode version or before.
bool known_since(char32_t c, int version) {
  UVersionInfo age;
  u_charAge(icu(c), age);
  return age[0] != 0 && age[0] <= version;
}

bool in_category(char32_t c, std::uint32_t mask) { return (U_GET_GC_MASK(icu(c)) & mask) != 0; }

bool unassigned(char32_t c) { return u_charType(icu(c)) == U_UNASSIGNED; }

}  // namespace

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return u_isUWhiteSpace(icu(c));
}

bool is_numeric(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  if (!unassigned(c)) return in_category(c, U_GC_N_MASK);
  if ((c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6)) return true;  // new in Unicode 17
  const RecentCategory recent = recent_category(c);
  return recent == RecentCategory::Nd || recent == RecentCategory::No;
}

bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
  if (!unassigned(c)) {
    return u_isUAlphabetic(icu(c)) || in_category(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
           u_hasBinaryProperty(icu(c), UCHAR_JOIN_CONTROL);
  }
  switch (recent_category(c)) {
    case RecentCategory::none:
    case RecentCategory::No:
    case RecentCategory::Po:
    case RecentCategory::So:
    case RecentCategory::Cf: return false;
    default: return true;
  }
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) return c > ' ' && c < 0x7F && (c == '_' || !is_word_character(c));
  if (c == 0x166D || c == 0x111C9) return true;  // Po in Unicode 8; So and Mn since
  return in_category(c, U_GC_P_MASK) && known_since(c, 8);
}

bool is_nonspacing_mark(char32_t c) {
  if (c < 0x300) return false;
  if (c == 0x1734) return true;                                                 // Mc since Unicode 14
  if (c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;  // Mn only after Unicode 8
  return u_charType(icu(c)) == U_NON_SPACING_MARK && known_since(c, 8);
}

bool is_combining_mark(char32_t c) {
  if (c < 0x300) return false;
  if (c == 0x1CF2 || c == 0x1CF3) return true;  // Mc in Unicode 9; Lo since
  if (c == 0x111C9) return false;               // Po in Unicode 9
  return in_category(c, U_GC_M_MASK) && known_since(c, 9);
}

bool is_control_or_format(char32_t c) {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  return in_category(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) && known_since(c, 8);
}

int script_of(char32_t c) {
  if (c == 0x589 || c == 0x61C) return USCRIPT_COMMON;      // Armenian and Arabic since
  if (c == 0x953 || c == 0x954) return USCRIPT_DEVANAGARI;  // Inherited since
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(icu(c), &status);
  if (U_FAILURE(status) || script == USCRIPT_UNKNOWN || !known_since(c, 9)) return kNoScript;
  return script;
}

void append_lowercase(std::string& out, char32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 0x20 : c));
  } else if (c == 0x130) {
    out += "i\xCC\x87";  // the one unconditional mapping to two characters (SpecialCasing.txt)
  } else if (const char32_t recent = recent_lowercase(c); recent != c) {
    append_character(out, recent);
  } else {
    append_character(out, static_cast<char32_t>(u_tolower(icu(c))));
  }
}

}  // namespace mhub::text
