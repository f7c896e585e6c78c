// SPDX-License-Identifier: Apache-2.0
#include "mhub/tensor/offset.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

constexpr std::size_t kBlock = 512;
using Block = std::array<double, kBlock>;

std::byte* bytes(Block& block) { return reinterpret_cast<std::byte*>(block.data()); }

/// Elements [0, count) in double precision with `added`.
void sums(DType from, const std::byte* source, std::size_t count, double added, Block& out) {
  convert_elements(from, source, DType::f64, bytes(out), count);
  for (std::size_t i = 0; i < count; ++i) out[i] += added;
}

}  // namespace

void add_to_elements(DType from, const std::byte* source, DType to, std::byte* destination, std::size_t count,
                     double added) {
  Block values{};
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    sums(from, source + done * size_of(from), step, added, values);
    convert_elements(DType::f64, bytes(values), to, destination + done * size_of(to), step);
  }
}

std::size_t first_inexact(DType from, const std::byte* source, DType to, std::size_t count, double added) {
  Block wanted{}, stored{}, narrow{}, returned{};
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    const std::byte* original = source + done * size_of(from);
    sums(from, original, step, added, wanted);
    convert_elements(DType::f64, bytes(wanted), to, bytes(narrow), step);
    convert_elements(to, bytes(narrow), DType::f64, bytes(stored), step);
    add_to_elements(to, bytes(narrow), from, bytes(returned), step, -added);
    for (std::size_t i = 0; i < step; ++i) {
      const std::size_t at = i * size_of(from);
      const bool same = std::memcmp(bytes(returned) + at, original + at, size_of(from)) == 0;
      if (stored[i] != wanted[i] || !same) return done + i;
    }
  }
  return count;
}

}  // namespace mhub
