// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/name_index.hpp"

#define XXH_INLINE_ALL
#include <bit>
#include <random>

#include <xxhash.h>

namespace mhub {
namespace {

/// Of this process: nobody can choose names that all meet in one slot.
XXH64_hash_t seed() {
  static const XXH64_hash_t chosen = std::random_device()();
  return chosen;
}

constexpr std::size_t kFewest = 16;

}  // namespace

NameIndex::NameIndex(std::size_t names) : slots_(std::bit_ceil(std::max(kFewest, 2 * names))) {}

std::uint64_t NameIndex::hash_of(std::string_view name) {
  return XXH3_64bits_withSeed(name.data(), name.size(), seed());
}

void NameIndex::grow() {
  std::vector<Slot> larger(std::max(kFewest, 2 * slots_.size()));
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.number == kNone) continue;
    std::size_t at = slot.low & mask;
    while (larger[at].number != kNone) at = (at + 1) & mask;
    larger[at] = slot;
  }
  slots_ = std::move(larger);
}

}  // namespace mhub
