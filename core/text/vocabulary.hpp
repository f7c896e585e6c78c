// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mhub/text/token_id.hpp"

namespace mhub::text {

/// Tokens and their ids, both ways.
class Vocabulary {
 public:
  void reserve(std::size_t tokens);
  /// A token that is there already gets the new id.
  void add(std::string_view token, TokenId id);

  std::optional<TokenId> id_of(std::string_view token) const;
  /// Of several tokens with the same id, the one added last.
  std::optional<std::string_view> token_of(TokenId id) const;
  /// Number of different tokens.
  std::size_t size() const { return entries_.size(); }

  struct Entry {
    std::string token;
    TokenId id;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::size_t slot_of(std::string_view token) const;
  void rehash(std::size_t slots);

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;                  ///< open addressing; 0 is free, n is entry n - 1
  std::unordered_map<TokenId, std::uint32_t> by_id_;  ///< index of the entry
};

}  // namespace mhub::text
