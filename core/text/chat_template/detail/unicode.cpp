// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/unicode.hpp"

#include <algorithm>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "mhub/base/utf8.hpp"

namespace mhub::jinja::unicode {
namespace {

UChar32 icu(char32_t point) { return static_cast<UChar32>(point); }

icu::UnicodeString utf16(std::string_view text) {
  return icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::u32string to_points(std::string_view text) {
  std::u32string points;
  for (std::size_t at = 0; at < text.size();) points.push_back(next_character(text, at));
  return points;
}

std::string from_points(std::u32string_view points) {
  std::string text;
  for (const char32_t point : points) append_character(text, point);
  return text;
}

std::size_t offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) next_character(text, at);
  return at;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_printable(char32_t point) {
  if (point == ' ') return true;
  switch (u_charType(icu(point))) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
    case U_SPACE_SEPARATOR: return false;
    default: return true;
  }
}

bool is_alpha(char32_t point) { return u_isalpha(icu(point)); }
bool is_decimal(char32_t point) { return u_charType(icu(point)) == U_DECIMAL_DIGIT_NUMBER; }
bool is_digit(char32_t point) {
  const int type = u_getIntPropertyValue(icu(point), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}
bool is_numeric(char32_t point) { return u_getIntPropertyValue(icu(point), UCHAR_NUMERIC_TYPE) != U_NT_NONE; }
bool is_upper(char32_t point) { return u_isUUppercase(icu(point)); }
bool is_lower(char32_t point) { return u_isULowercase(icu(point)); }
bool is_title(char32_t point) { return u_charType(icu(point)) == U_TITLECASE_LETTER; }
bool is_cased(char32_t point) { return u_hasBinaryProperty(icu(point), UCHAR_CASED); }

std::string upper(std::string_view text) {
  std::string out;
  if (is_ascii(text)) {
    out = text;
    for (char& c : out)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
  }
  return utf16(text).toUpper(icu::Locale::getRoot()).toUTF8String(out);
}

std::string lower(std::string_view text) {
  std::string out;
  if (is_ascii(text)) {
    out = text;
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  }
  return utf16(text).toLower(icu::Locale::getRoot()).toUTF8String(out);
}

std::string title(char32_t point) {
  std::string out;
  icu::UnicodeString text(icu(point));
  // Full mapping of what a word begins with; no break iterator is needed for a single character.
  const UChar32 simple = u_totitle(icu(point));
  if (simple != icu(point)) return icu::UnicodeString(simple).toUTF8String(out);
  icu::UnicodeString full = text.toUpper(icu::Locale::getRoot());
  if (full.countChar32() > 1) {
    const int32_t first = full.moveIndex32(0, 1);
    full = full.tempSubString(0, first) + full.tempSubString(first).toLower(icu::Locale::getRoot());
  } else {
    full = text;
  }
  return full.toUTF8String(out);
}

}  // namespace mhub::jinja::unicode
