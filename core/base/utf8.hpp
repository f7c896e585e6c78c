// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mhub {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Bytes of the character that starts with `lead`, which must be the first byte of valid UTF-8.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0x80) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

/// Decodes the character at `at` of valid UTF-8 and moves `at` behind it.
inline char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  char32_t c;
  if (lead < 0xE0) {
    c = (lead & 0x1F) << 6 | (byte(1) & 0x3Fu);
    at += 2;
  } else if (lead < 0xF0) {
    c = (lead & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    at += 3;
  } else {
    c = (lead & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    at += 4;
  }
  return c;
}

/// The start of the character before `at` in valid UTF-8; `at` must not be 0.
inline std::size_t previous_boundary(std::string_view text, std::size_t at) {
  do {
    --at;
  } while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void append_character(std::string& out, char32_t c);
std::size_t count_characters(std::string_view text);

/// Length of the longest prefix that is valid UTF-8 (no surrogates, nothing overlong, nothing above
/// U+10FFFF).
std::size_t valid_utf8_prefix(std::string_view text);
inline bool is_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

/// `bytes` with every maximal ill-formed part replaced by one U+FFFD, as Python's
/// bytes.decode("utf-8", "replace") and Rust's String::from_utf8_lossy do (Unicode 15, section 3.9,
/// "U+FFFD Substitution of Maximal Subparts").
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace mhub
