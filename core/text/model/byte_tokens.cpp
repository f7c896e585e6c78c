// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/model/byte_tokens.hpp"

#include <algorithm>
#include <charconv>

namespace mhub::text {

ByteTokens::ByteTokens(const Vocabulary& vocabulary) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < ids_.size(); ++byte) {
    const std::string token{'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
    ids_[byte] = vocabulary.id_of(token).value_or(-1);
  }
}

bool ByteTokens::append(std::string_view bytes, TokenIds& ids) const {
  const auto id_of = [&](char byte) { return ids_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(bytes.begin(), bytes.end(), [&](char byte) { return id_of(byte) < 0; })) return false;
  for (const char byte : bytes) ids.push_back(id_of(byte));
  return true;
}

bool ByteTokens::complete() const {
  return std::none_of(ids_.begin(), ids_.end(), [](TokenId id) { return id < 0; });
}

bool ByteTokens::contains(TokenId id) const { return std::find(ids_.begin(), ids_.end(), id) != ids_.end(); }

std::optional<char> byte_token_value(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  // Rust's from_str_radix, which the tokenizers package reads it with, allows a sign.
  const char* begin = token.data() + (token[3] == '+' ? 4 : 3);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(begin, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace mhub::text
