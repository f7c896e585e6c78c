// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/largest.hpp"

#include <algorithm>

namespace mhub::runtime {
namespace {

/// std::partial_sort_copy of entries that are made one at a time, `entry(0)` to `entry(size - 1)`: a heap
/// with the last of the first on top. (As a range of transformed indices, clang 14 cannot compile it with
/// libstdc++ 12.)
template <typename Entry>
void append_first(std::size_t size, const Entry& entry, std::int64_t count, std::vector<RowEntry>& out) {
  const auto wanted = std::min(size, static_cast<std::size_t>(count));
  if (wanted == 0) return;
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  for (std::size_t k = 0; k < wanted; ++k) out.push_back(entry(k));
  std::make_heap(out.begin() + begin, out.end(), ranks_before);
  for (std::size_t k = wanted; k < size; ++k) {
    const RowEntry one = entry(k);
    if (!ranks_before(one, out[static_cast<std::size_t>(begin)])) continue;
    std::pop_heap(out.begin() + begin, out.end(), ranks_before);
    out.back() = one;
    std::push_heap(out.begin() + begin, out.end(), ranks_before);
  }
  std::sort_heap(out.begin() + begin, out.end(), ranks_before);
}

}  // namespace

void append_largest(std::span<const float> row, std::int64_t count, std::vector<RowEntry>& out) {
  const auto entry = [row](std::size_t c) { return RowEntry::of(row[c], static_cast<std::int32_t>(c)); };
  append_first(row.size(), entry, count, out);
}

void append_largest(std::span<const RowEntry> entries, std::int64_t count, std::vector<RowEntry>& out) {
  append_first(
      entries.size(), [entries](std::size_t k) { return entries[k]; }, count, out);
}

}  // namespace mhub::runtime
