// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/vocabulary.hpp"

#include <bit>

#include "mhub/text/detail/hash.hpp"

namespace mhub::text {

void Vocabulary::reserve(std::size_t tokens) {
  entries_.reserve(tokens);
  by_id_.reserve(tokens);
  rehash(std::bit_ceil(2 * tokens + 16));
}

void Vocabulary::add(std::string_view token, TokenId id) {
  if (2 * (entries_.size() + 1) > slots_.size()) rehash(std::bit_ceil(4 * entries_.size() + 16));
  std::uint32_t& slot = slots_[slot_of(token)];
  if (slot == 0) {
    entries_.push_back({std::string(token), id});
    slot = static_cast<std::uint32_t>(entries_.size());
  } else {
    entries_[slot - 1].id = id;
  }
  by_id_[id] = slot - 1;
}

std::optional<TokenId> Vocabulary::id_of(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const std::uint32_t slot = slots_[slot_of(token)];
  return slot == 0 ? std::nullopt : std::optional(entries_[slot - 1].id);
}

std::optional<std::string_view> Vocabulary::token_of(TokenId id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? std::nullopt : std::optional<std::string_view>(entries_[it->second].token);
}

/// The slot that holds the token or would.
std::size_t Vocabulary::slot_of(std::string_view token) const {
  std::size_t slot = hash_of(token) & (slots_.size() - 1);
  while (slots_[slot] != 0 && entries_[slots_[slot] - 1].token != token)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void Vocabulary::rehash(std::size_t slots) {
  slots_.assign(slots, 0);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(entries_[i].token)] = i + 1;
}

}  // namespace mhub::text
