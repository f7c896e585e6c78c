// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "mhub/store/hdf5/chunks.hpp"

namespace mhub {
namespace {

constexpr std::size_t kLanes = 16;
// b grows to rounds * (rounds + 1) / 2 * 65535 and must stay below 2^32.
constexpr std::size_t kRounds = 360;
constexpr std::uint64_t kModulus = 65535;

struct Sums {
  std::uint64_t words = 0;   ///< sum of w[i], modulo 65535
  std::uint64_t prefix = 0;  ///< sum of (n - i) * w[i], modulo 65535: the sum of all prefix sums
  bool zero = true;          ///< all words so far are zero

  /// Words in the machine's (little-endian) order; `rounds` rows of kLanes words. Written so that compilers
  /// turn each lane loop into vector instructions.
  void add_rows(const std::byte* data, std::size_t rounds) {
    std::array<std::uint32_t, kLanes> a{}, b{};
    for (std::size_t round = 0; round < rounds; ++round) {
      std::array<std::uint16_t, kLanes> row;
      std::memcpy(row.data(), data + round * sizeof row, sizeof row);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        a[lane] += row[lane];
        b[lane] += a[lane];
      }
    }
    // With V rounds, word (v, l) has n - i = kLanes * (V - v) - l, and b[l] is the sum of (V - v) * w.
    std::uint64_t sum = 0, weighted = 0, lagging = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sum += a[lane];
      weighted += b[lane];
      lagging += lane * a[lane];
    }
    zero = zero && sum == 0;
    prefix = (prefix + rounds * kLanes * words + kLanes * weighted - lagging) % kModulus;
    words = (words + sum) % kModulus;
  }

  void add_word(std::uint64_t word) {
    zero = zero && word == 0;
    words = (words + word) % kModulus;
    prefix = (prefix + words) % kModulus;
  }
};

/// The value HDF5 stores for a sum of little-endian words. Swapping the bytes of a word multiplies it by 256
/// modulo 65535, so that the sum of swapped words is the swapped sum.
std::uint32_t stored(std::uint64_t sum, bool zero) {
  if (zero) return 0;
  if (sum == 0) return kModulus;
  return static_cast<std::uint32_t>((sum >> 8) | ((sum & 0xff) << 8));
}

}  // namespace

std::uint32_t fletcher32(std::span<const std::byte> data) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::size_t kRow = kLanes * 2;
  Sums sums;
  std::size_t at = 0;
  while (data.size() - at >= kRow) {
    const std::size_t rounds = std::min(kRounds, (data.size() - at) / kRow);
    sums.add_rows(data.data() + at, rounds);
    at += rounds * kRow;
  }
  for (; at + 1 < data.size(); at += 2) {
    sums.add_word(std::to_integer<std::uint64_t>(data[at]) | std::to_integer<std::uint64_t>(data[at + 1])
                                                                 << 8);
  }
  if (at < data.size()) sums.add_word(std::to_integer<std::uint64_t>(data[at]));
  return stored(sums.prefix, sums.zero) << 16 | stored(sums.words, sums.zero);
}

}  // namespace mhub
