// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/largest.hpp"

#include <algorithm>
#include <ranges>

namespace mhub::runtime {
namespace {

template <typename Entries>
void append_first(const Entries& entries, std::int64_t count, std::vector<RowEntry>& out) {
  const std::size_t before = out.size();
  out.resize(before + static_cast<std::size_t>(count));
  std::ranges::partial_sort_copy(entries, std::span(out).subspan(before), ranks_before);
}

}  // namespace

void append_largest(std::span<const float> row, std::int64_t count, std::vector<RowEntry>& out) {
  const auto columns = std::views::iota(std::int32_t{0}, static_cast<std::int32_t>(row.size()));
  append_first(columns | std::views::transform([row](std::int32_t c) {
                 return RowEntry::of(row[static_cast<std::size_t>(c)], c);
               }),
               count, out);
}

void append_largest(std::span<const RowEntry> entries, std::int64_t count, std::vector<RowEntry>& out) {
  append_first(entries, count, out);
}

}  // namespace mhub::runtime
