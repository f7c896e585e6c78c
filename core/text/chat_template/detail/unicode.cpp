// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/unicode.hpp"

#include <algorithm>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

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

bool is_valid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
    if (size == 0 || text.size() - at < size) return false;
    for (std::size_t i = 1; i < size; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    const std::size_t begin = at;
    const char32_t point = decode(text, at);
    if ((size == 3 && point < 0x800) || (size == 4 && point < 0x10000) || point > 0x10FFFF ||
        (point >= 0xD800 && point < 0xE000))
      return false;
    at = begin + size;
  }
  return true;
}

char32_t decode(std::string_view text, std::size_t& at) {
  auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  const char32_t lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  if (lead < 0xE0) {
    at += 2;
    return (lead & 0x1F) << 6 | (byte(at - 1) & 0x3F);
  }
  if (lead < 0xF0) {
    at += 3;
    return (lead & 0x0F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
  }
  at += 4;
  return (lead & 0x07) << 18 | (byte(at - 3) & 0x3F) << 12 | (byte(at - 2) & 0x3F) << 6 |
         (byte(at - 1) & 0x3F);
}

void append(char32_t point, std::string& text) {
  auto put = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

std::u32string to_points(std::string_view text) {
  std::u32string points;
  for (std::size_t at = 0; at < text.size();) points.push_back(decode(text, at));
  return points;
}

std::string from_points(std::u32string_view points) {
  std::string text;
  for (const char32_t point : points) append(point, text);
  return text;
}

std::size_t length(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t offset(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) decode(text, at);
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
