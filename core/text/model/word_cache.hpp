// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/text/detail/hash.hpp"
#include "mhub/text/token_id.hpp"

namespace mhub::text {

/// Remembers the ids of short words. Text repeats its words, so nearly all of it is answered from here. Each
/// word has one place, where a newer word replaces an older one; when the memory limit is reached, everything
/// is forgotten.
class WordCache {
 public:
  static constexpr std::size_t kLongestWord = 64;  ///< bytes; longer words seldom come again

  /// Appends the ids of `word` if it is known.
  bool find(std::string_view word, TokenIds& ids) const {
    if (slots_.empty()) return false;
    const std::uint64_t hash = hash_of(word);
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    if (slot.hash != hash || std::string_view(keys_).substr(slot.key, slot.key_size) != word) return false;
    ids.insert(ids.end(), ids_.begin() + slot.ids, ids_.begin() + slot.ids + slot.ids_size);
    return true;
  }

  void insert(std::string_view word, std::span<const TokenId> ids) {
    if (inserted_ >= slots_.size() / 2 && slots_.size() < kMostSlots) grow();
    if (keys_.size() > kMostKeyBytes || ids_.size() > kMostKeyBytes) *this = WordCache();
    if (slots_.empty()) grow();
    const std::uint64_t hash = hash_of(word);
    slots_[hash & (slots_.size() - 1)] = {
        hash, static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(ids_.size()),
        static_cast<std::uint32_t>(word.size()), static_cast<std::uint32_t>(ids.size())};
    keys_ += word;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    ++inserted_;
  }

 private:
  static constexpr std::size_t kFewestSlots = 1 << 8;
  static constexpr std::size_t kMostSlots = 1 << 16;
  static constexpr std::size_t kMostKeyBytes = 8 << 20;

  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t key = 0, ids = 0;  ///< where they begin
    std::uint32_t key_size = 0, ids_size = 0;
  };

  void grow() {
    std::vector<Slot> old(slots_.empty() ? kFewestSlots : 4 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key_size != 0) slots_[slot.hash & (slots_.size() - 1)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::string keys_;
  TokenIds ids_;
  std::size_t inserted_ = 0;
};

}  // namespace mhub::text
