// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/patch_order.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace mhub::runtime {
namespace {

/// torch.linspace(0, last, count) in float32: from both ends towards the middle.
float linspace(std::int64_t last, std::int64_t count, std::int64_t k) {
  if (count == 1) return 0.0F;
  const float step = static_cast<float>(last) / static_cast<float>(count - 1);
  return k < count / 2 ? step * static_cast<float>(k)
                       : static_cast<float>(last) - step * static_cast<float>(count - k - 1);
}

/// Entries along an axis around a place, and their weights.
template <std::size_t N>
struct Taps {
  std::array<std::int64_t, N> at{};
  std::array<float, N> weight{};
};

/// The entry at or in front of a place and the next one, between which it lies.
Taps<2> linear_taps(float place, std::int64_t side) {
  const std::int64_t first = std::min(static_cast<std::int64_t>(place), side - 1);
  const float share = place - static_cast<float>(first);
  return {{first, std::min(first + 1, side - 1)}, {1 - share, share}};
}

/// Cubic convolution with torch's a.
Taps<4> cubic_taps(float place, std::int64_t side) {
  constexpr float kA = -0.75F;
  const float below = std::floor(place), t = place - below;
  auto near = [](float x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; };
  auto far = [](float x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; };
  Taps<4> taps{{}, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
  for (std::size_t k = 0; k < 4; ++k) {
    const auto at = static_cast<std::int64_t>(below) - 1 + static_cast<std::int64_t>(k);
    taps.at[k] = std::clamp<std::int64_t>(at, 0, side - 1);
  }
  return taps;
}

/// Adds the rows of a grid, `columns` wide, that two axes' taps meet in.
template <std::size_t N>
void add_blend(float* sum, std::span<const float> rows, std::int64_t columns, std::int64_t width,
               const Taps<N>& down, const Taps<N>& across) {
  for (std::size_t k = 0; k < N * N; ++k) {
    const float weight = down.weight[k / N] * across.weight[k % N];
    const float* row = rows.data() + (down.at[k / N] * columns + across.at[k % N]) * width;
    for (std::int64_t c = 0; c < width; ++c) sum[c] += weight * row[c];
  }
}

/// Where the middle of entry k of `count` lies among `side` entries, as grid_sample gets it from the caller.
float stretched(std::int64_t k, std::int64_t count, std::int64_t side) {
  const float normalized = (static_cast<float>(k) + 0.5F) / static_cast<float>(count) * 2.0F - 1.0F;
  return ((normalized + 1.0F) * static_cast<float>(side) - 1.0F) / 2.0F;
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

std::vector<float> patches_of(std::span<const float> tile, std::int64_t width, const PatchGrid& grid,
                              std::int64_t size) {
  std::vector<float> out;
  out.reserve(tile.size());
  const std::int64_t height = static_cast<std::int64_t>(tile.size()) / Image::kChannels / width;
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
  float* sum = out.data();
  for (const PatchOrder::Place& place : order.places()) {
    add_blend(sum, table, side, width, linear_taps(linspace(side - 1, order.grid().rows, place.row), side),
              linear_taps(linspace(side - 1, order.grid().columns, place.column), side));
    sum += width;
  }
  return out;
}

std::vector<float> bicubic(std::span<const float> table, std::int64_t side, std::int64_t width,
                           const PatchOrder& order) {
  std::vector<float> out(static_cast<std::size_t>(order.size() * width), 0.0F);
  float* sum = out.data();
  for (const PatchOrder::Place& place : order.places()) {
    add_blend(sum, table, side, width, cubic_taps(stretched(place.row, order.grid().rows, side), side),
              cubic_taps(stretched(place.column, order.grid().columns, side), side));
    sum += width;
  }
  return out;
}

std::vector<float> bilinear(std::span<const float> rows, const PatchGrid& from, const PatchGrid& to,
                            std::int64_t width) {
  const auto taps = [](std::int64_t k, std::int64_t count, std::int64_t size) {
    const float scale = static_cast<float>(size) / static_cast<float>(count);
    return linear_taps(std::max(0.0F, scale * (static_cast<float>(k) + 0.5F) - 0.5F), size);
  };
  std::vector<float> out(static_cast<std::size_t>(to.rows * to.columns * width), 0.0F);
  float* sum = out.data();
  for (std::int64_t k = 0; k < to.rows * to.columns; ++k) {
    add_blend(sum, rows, from.columns, width, taps(k / to.columns, to.rows, from.rows),
              taps(k % to.columns, to.columns, from.columns));
    sum += width;
  }
  return out;
}

}  // namespace mhub::runtime
