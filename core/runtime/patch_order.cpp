// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/patch_order.hpp"

#include <algorithm>

namespace mhub::runtime {
namespace {

/// torch.linspace(0, last, count) in float32: from both ends towards the middle.
float linspace(std::int64_t last, std::int64_t count, std::int64_t k) {
  if (count == 1) return 0.0F;
  const float step = static_cast<float>(last) / static_cast<float>(count - 1);
  return k < count / 2 ? step * static_cast<float>(k)
                       : static_cast<float>(last) - step * static_cast<float>(count - k - 1);
}

}  // namespace

PatchOrder::PatchOrder(const PatchGrid& grid, std::int64_t window) : grid_(grid), moved_(window > 0) {
  const std::int64_t rows = grid.rows / grid.merge, columns = grid.columns / grid.merge;
  const std::int64_t height = window > 0 ? window : rows, width = window > 0 ? window : columns;
  for (std::int64_t top = 0; top < rows; top += height) {
    for (std::int64_t left = 0; left < columns; left += width) {
      const auto begin = static_cast<std::int64_t>(places_.size());
      for (std::int64_t row = top; row < std::min(top + height, rows); ++row) {
        for (std::int64_t column = left; column < std::min(left + width, columns); ++column)
          add_square(row, column);
      }
      windows_.push_back(static_cast<std::int64_t>(places_.size()) - begin);
    }
  }
}

void PatchOrder::add_square(std::int64_t row, std::int64_t column) {
  const std::int64_t merge = grid_.merge, each = merge * merge;
  const std::int64_t first = (row * (grid_.columns / merge) + column) * each;
  for (std::int64_t k = 0; k < each; ++k) {
    places_.push_back({row * merge + k / merge, column * merge + k % merge});
    from_.push_back(first + k);
  }
}

std::vector<float> PatchOrder::moved(std::span<const float> rows, bool back) const {
  std::vector<float> out(rows.begin(), rows.end());
  if (!moved_) return out;
  const std::size_t width = rows.size() / places_.size();
  for (std::size_t k = 0; k < from_.size(); ++k) {
    const std::size_t grid = static_cast<std::size_t>(from_[k]) * width, layers = k * width;
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(back ? layers : grid), width,
                out.begin() + static_cast<std::ptrdiff_t>(back ? grid : layers));
  }
  return out;
}

std::vector<float> patches_of(std::span<const float> tile, const PatchGrid& grid, std::int64_t size) {
  std::vector<float> out;
  out.reserve(tile.size());
  const std::int64_t width = grid.columns * size, height = grid.rows * size;
  for (std::int64_t k = 0; k < grid.rows * grid.columns; ++k) {
    const std::int64_t top = k / grid.columns * size, left = k % grid.columns * size;
    for (std::int64_t channel = 0; channel < Image::kChannels; ++channel) {
      for (std::int64_t row = top; row < top + size; ++row) {
        const float* from = tile.data() + (channel * height + row) * width + left;
        out.insert(out.end(), from, from + size);
      }
    }
  }
  return out;
}

std::vector<float> interpolated(std::span<const float> table, std::int64_t side, std::int64_t width,
                                const PatchOrder& order) {
  std::vector<float> out(static_cast<std::size_t>(order.size() * width), 0.0F);
  auto add = [&](float* sum, std::int64_t row, std::int64_t column, float weight) {
    const float* entry = table.data() + (row * side + column) * width;
    for (std::int64_t c = 0; c < width; ++c) sum[c] += weight * entry[c];
  };
  float* sum = out.data();
  for (const PatchOrder::Place& place : order.places()) {
    const float y = linspace(side - 1, order.grid().rows, place.row);
    const float x = linspace(side - 1, order.grid().columns, place.column);
    const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
    const std::int64_t bottom = std::min(top + 1, side - 1), right = std::min(left + 1, side - 1);
    const float down = y - static_cast<float>(top), across = x - static_cast<float>(left);
    add(sum, top, left, (1 - down) * (1 - across));
    add(sum, top, right, (1 - down) * across);
    add(sum, bottom, left, down * (1 - across));
    add(sum, bottom, right, down * across);
    sum += width;
  }
  return out;
}

}  // namespace mhub::runtime
