// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/weight_view.hpp"

namespace mhub::runtime {

/// Blocks [first, last) of a view that share their rows.
struct Band {
  std::size_t first, last;
};

/// The band that holds a row.
inline Band band_at(const WeightView& view, std::int64_t row) {
  const auto after = std::upper_bound(view.blocks.begin(), view.blocks.end(), row,
                                      [](std::int64_t r, const WeightBlock& block) { return r < block.row; });
  const auto last = static_cast<std::size_t>(after - view.blocks.begin());
  std::size_t first = last - 1;
  while (first > 0 && view.blocks[first - 1].row == view.blocks[last - 1].row) --first;
  return {first, last};
}

/// Rows [row, row + rows) and columns [column, column + columns) of a block, all in the matrix's numbering.
inline Kernels::Rows part(const WeightBlock& block, std::int64_t row, std::int64_t rows, std::int64_t column,
                          std::int64_t columns) {
  const std::int64_t skipped = (row - block.row) * block.row_stride + (column - block.column);
  return {block.data + skipped * static_cast<std::int64_t>(size_of(block.dtype)), block.row_stride,
          block.dtype, rows, columns};
}

}  // namespace mhub::runtime
