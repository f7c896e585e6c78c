// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mhub {

/// Finds which of many names one is. It keeps numbers alone: whoever has the names tells them. What a file
/// chooses as names does not decide how long it takes.
class NameIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  NameIndex() = default;
  /// With room for so many names.
  explicit NameIndex(std::size_t names);

  /// The number that has this name already, else kNone, and then the name is `number`'s from now on.
  /// `name_of(k)` is the name of a number that was given before.
  template <typename NameOf>
  std::uint32_t add(std::string_view name, std::uint32_t number, const NameOf& name_of) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_of(name);
    Slot& slot = slots_[place(name, hash, name_of)];
    if (slot.number != kNone) return slot.number;
    slot = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(hash), number};
    ++used_;
    return kNone;
  }
  /// The number of that name, or kNone.
  template <typename NameOf>
  std::uint32_t find(std::string_view name, const NameOf& name_of) const {
    return slots_.empty() ? kNone : slots_[place(name, hash_of(name), name_of)].number;
  }

 private:
  /// Both halves of the name's hash: one decides the slot, and both must agree before names are compared.
  struct Slot {
    std::uint32_t high = 0, low = 0, number = kNone;
  };

  static std::uint64_t hash_of(std::string_view name);
  void grow();

  template <typename NameOf>
  std::size_t place(std::string_view name, std::uint64_t hash, const NameOf& name_of) const {
    const std::size_t mask = slots_.size() - 1;
    const auto high = static_cast<std::uint32_t>(hash >> 32), low = static_cast<std::uint32_t>(hash);
    std::size_t at = low & mask;
    for (; slots_[at].number != kNone; at = (at + 1) & mask) {
      if (slots_[at].high == high && slots_[at].low == low &&
          std::string_view(name_of(slots_[at].number)) == name)
        break;
    }
    return at;
  }

  std::vector<Slot> slots_;  ///< a power of two, at most half of them used
  std::size_t used_ = 0;
};

}  // namespace mhub
