// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include "mhub/text/detail/hash.hpp"

namespace mhub::text {

/// A set of pairs of characters.
class CharacterPairs {
 public:
  void add(char32_t first, char32_t second) {
    if (first < kAscii && second < kAscii) {
      ascii_.set(first * kAscii + second);
    } else {
      if (2 * (size_ + 1) > slots_.size()) grow();
      put(key(first, second));
    }
  }
  bool contains(char32_t first, char32_t second) const {
    if (first < kAscii && second < kAscii) return ascii_[first * kAscii + second];
    if (slots_.empty()) return false;
    return slots_[slot_of(key(first, second))] != kFree;
  }

 private:
  static constexpr char32_t kAscii = 128;
  static constexpr std::uint64_t kFree = ~0ull;

  static std::uint64_t key(char32_t first, char32_t second) {
    return static_cast<std::uint64_t>(first) << 21 | second;
  }
  std::size_t slot_of(std::uint64_t key) const {
    std::size_t slot = hash_of(key) & (slots_.size() - 1);
    while (slots_[slot] != key && slots_[slot] != kFree) slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }
  void put(std::uint64_t key) {
    std::uint64_t& slot = slots_[slot_of(key)];
    if (slot == kFree) ++size_;
    slot = key;
  }
  void grow() {
    std::vector<std::uint64_t> old(slots_.empty() ? 1024 : 4 * slots_.size(), kFree);
    old.swap(slots_);
    size_ = 0;
    for (const std::uint64_t key : old) {
      if (key != kFree) put(key);
    }
  }

  std::bitset<kAscii * kAscii> ascii_;
  std::vector<std::uint64_t> slots_;  ///< open addressing
  std::size_t size_ = 0;
};

}  // namespace mhub::text
