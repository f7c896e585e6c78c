// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Strings as Python sees them: sequences of code points, kept as valid UTF-8.
namespace mhub::jinja::unicode {

std::u32string to_points(std::string_view text);
std::string from_points(std::u32string_view points);

/// The byte at which character `index` begins; the end when there are fewer.
std::size_t offset(std::string_view text, std::size_t index);

/// str.isspace of one character; also re's \s.
bool is_space(char32_t point);
/// str.isprintable of one character: repr() escapes the others.
bool is_printable(char32_t point);
bool is_alpha(char32_t point);
bool is_decimal(char32_t point);
bool is_digit(char32_t point);
bool is_numeric(char32_t point);
bool is_upper(char32_t point);
bool is_lower(char32_t point);
bool is_title(char32_t point);
bool is_cased(char32_t point);

/// Full case mappings, as str.upper, str.lower; `title` is that of a single character.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(char32_t point);

}  // namespace mhub::jinja::unicode
