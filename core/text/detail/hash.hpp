// SPDX-License-Identifier: Apache-2.0
#pragma once

#define XXH_INLINE_ALL
#include <cstdint>
#include <string_view>

#include <xxhash.h>

namespace mhub::text {

inline std::uint64_t hash_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

inline std::uint64_t hash_of(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15ull;
  return value ^ value >> 32;
}

}  // namespace mhub::text
