// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "mhub/text/detail/hash.hpp"
#include "mhub/text/token_id.hpp"

namespace mhub::text {

/// The merges of a BPE model: which two neighbouring tokens become which token, and in which order.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank;  ///< lower comes first
    TokenId result;
  };
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;  ///< rank of a pair that does not merge

  MergeTable() : slots_(1) {}
  explicit MergeTable(std::size_t merges) : slots_(std::bit_ceil(2 * merges + 1)) {}

  /// Of equal pairs the last counts. At most as many pairs as were announced.
  void set(TokenId left, TokenId right, Merge merge) {
    Slot& slot = slots_[slot_of(key(left, right))];
    slot = {key(left, right), merge};
  }
  Merge find(TokenId left, TokenId right) const {
    const Slot& slot = slots_[slot_of(key(left, right))];
    return slot.merge;
  }

 private:
  static constexpr std::uint64_t kFree = ~0ull;  // no key: ids are not negative
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge{kNone, -1};
  };

  static std::uint64_t key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t key) const {
    std::size_t slot = hash_of(key) & (slots_.size() - 1);
    while (slots_[slot].key != key && slots_[slot].key != kFree) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }

  std::vector<Slot> slots_;  ///< open addressing
};

}  // namespace mhub::text
