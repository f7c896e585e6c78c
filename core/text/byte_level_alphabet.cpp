// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/byte_level_alphabet.hpp"

#include <array>

namespace mhub::text {
namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// Characters below U+0144, all of one or two bytes in UTF-8.
constexpr auto kCharacters = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) characters[byte] = stands_for_itself(byte) ? byte : next++;
  return characters;
}();

constexpr auto kBytes = [] {
  std::array<short, 0x144> bytes{};
  bytes.fill(-1);
  for (short byte = 0; byte < 256; ++byte) bytes[kCharacters[static_cast<std::size_t>(byte)]] = byte;
  return bytes;
}();

}  // namespace

void append_byte_characters(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  out.resize(begin + 2 * bytes.size());
  char* to = out.data() + begin;
  for (const char byte : bytes) {
    const char32_t c = kCharacters[static_cast<unsigned char>(byte)];
    if (c < 0x80) {
      *to++ = static_cast<char>(c);
    } else {
      *to++ = static_cast<char>(0xC0 | c >> 6);
      *to++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

std::optional<char> byte_of(char32_t character) {
  if (character >= kBytes.size() || kBytes[character] < 0) return std::nullopt;
  return static_cast<char>(kBytes[character]);
}

}  // namespace mhub::text
