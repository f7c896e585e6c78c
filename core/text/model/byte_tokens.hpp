// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "mhub/text/token_id.hpp"
#include "mhub/text/vocabulary.hpp"

namespace mhub::text {

/// The tokens <0x00> to <0xFF> that stand for the bytes of text without a token of its own (SentencePiece's
/// byte fallback).
class ByteTokens {
 public:
  explicit ByteTokens(const Vocabulary& vocabulary);
  /// Appends the tokens of all bytes, or nothing and false when one is missing.
  bool append(std::string_view bytes, TokenIds& ids) const;
  /// All 256 are there.
  bool complete() const;
  bool contains(TokenId id) const;

 private:
  std::array<TokenId, 256> ids_{};  ///< -1 where there is none
};

/// The byte that a token of this form stands for.
std::optional<char> byte_token_value(std::string_view token);

}  // namespace mhub::text
