// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <boost/locale/utf.hpp>

namespace mhub {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Bytes of the character that starts with `lead`, which must be the first byte of valid UTF-8.
inline std::size_t utf8_length(char lead) {
  return 1 + static_cast<std::size_t>(boost::locale::utf::utf_traits<char>::trail_length(lead));
}

/// Decodes the character at `at` of valid UTF-8 and moves `at` behind it.
inline char32_t next_character(std::string_view text, std::size_t& at) {
  const char* next = text.data() + at;
  const char32_t c = boost::locale::utf::utf_traits<char>::decode_valid(next);
  at = static_cast<std::size_t>(next - text.data());
  return c;
}

/// The start of the character before `at` in valid UTF-8; `at` must not be 0.
inline std::size_t previous_boundary(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (boost::locale::utf::utf_traits<char>::is_trail(text[at]));
  return at;
}

inline void append_character(std::string& out, char32_t c) {
  boost::locale::utf::utf_traits<char>::encode(c, std::back_inserter(out));
}
std::size_t count_characters(std::string_view text);

/// Length of the longest prefix that is valid UTF-8 (no surrogates, nothing overlong, nothing above
/// U+10FFFF).
std::size_t valid_utf8_prefix(std::string_view text);
inline bool is_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

/// `bytes` with every maximal ill-formed part replaced by one U+FFFD, as Python's
/// bytes.decode("utf-8", "replace") and Rust's String::from_utf8_lossy do (Unicode 15, section 3.9,
/// "U+FFFD Substitution of Maximal Subparts").
std::string replace_invalid_utf8(std::string_view bytes);

/// Bytes to change, add or leave out until the pattern matches the name; `*` stands for anything, `?` for
/// one.
std::size_t edit_distance(std::string_view pattern, std::string_view name);
/// The one of `names` that is nearest to `wanted`; empty without names.
std::string nearest_name(std::string_view wanted, const std::vector<std::string>& names);
/// The same where no more than a quarter of its letters differ, else empty: what is further away was meant
/// otherwise.
std::string near_name(std::string_view wanted, const std::vector<std::string>& names);

}  // namespace mhub
