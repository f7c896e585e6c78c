// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mhub::text {

/// The alphabet of byte-level tokenizers: each of the 256 bytes is written as one printable character.
/// Printable Latin-1 characters stand for themselves, the other 68 bytes become U+0100, U+0101, ... in order
/// (GPT-2's encoder.py, bytes_to_unicode).
void append_byte_characters(std::string& out, std::string_view bytes);

/// The byte that a character of the alphabet stands for.
std::optional<char> byte_of(char32_t character);

}  // namespace mhub::text
