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

/// The four entries along an axis around a place, and their weights: cubic convolution with torch's a.
struct Cubic {
  std::array<std::int64_t, 4> at{};
  std::array<float, 4> weight{};
};
Cubic cubic(float place, std::int64_t side) {
  constexpr float kA = -0.75F;
  const float below = std::floor(place), t = place - below;
  auto near = [](float x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; };
  auto far = [](float x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; };
  Cubic result{{}, {far(t + 1), near(t), near(1 - t), far(2 - t)}};
  for (std::size_t k = 0; k < 4; ++k) {
    const auto at = static_cast<std::int64_t>(below) - 1 + static_cast<std::int64_t>(k);
    result.at[k] = std::clamp<std::int64_t>(at, 0, side - 1);
  }
  return result;
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

std::vector<float> bicubic(std::span<const float> table, std::int64_t side, std::int64_t width,
                           const PatchOrder& order) {
  std::vector<float> out(static_cast<std::size_t>(order.size() * width), 0.0F);
  float* sum = out.data();
  for (const PatchOrder::Place& place : order.places()) {
    const Cubic down = cubic(stretched(place.row, order.grid().rows, side), side);
    const Cubic across = cubic(stretched(place.column, order.grid().columns, side), side);
    for (std::size_t k = 0; k < 16; ++k) {
      const float weight = down.weight[k / 4] * across.weight[k % 4];
      const float* entry = table.data() + (down.at[k / 4] * side + across.at[k % 4]) * width;
      for (std::int64_t c = 0; c < width; ++c) sum[c] += weight * entry[c];
    }
    sum += width;
  }
  return out;
}

std::vector<float> bilinear(std::span<const float> rows, const PatchGrid& from, const PatchGrid& to,
                            std::int64_t width) {
  struct Between {
    std::int64_t first, second;
    float share;  // of the second
  };
  auto between = [](std::int64_t k, std::int64_t count, std::int64_t size) {
    const float scale = static_cast<float>(size) / static_cast<float>(count);
    const float place = std::max(0.0F, scale * (static_cast<float>(k) + 0.5F) - 0.5F);
    const std::int64_t first = std::min(static_cast<std::int64_t>(place), size - 1);
    return Between{first, std::min(first + 1, size - 1), place - static_cast<float>(first)};
  };
  std::vector<float> out(static_cast<std::size_t>(to.rows * to.columns * width), 0.0F);
  float* sum = out.data();
  auto add = [&](std::int64_t row, std::int64_t column, float weight) {
    const float* entry = rows.data() + (row * from.columns + column) * width;
    for (std::int64_t c = 0; c < width; ++c) sum[c] += weight * entry[c];
  };
  for (std::int64_t k = 0; k < to.rows * to.columns; ++k) {
    const Between y = between(k / to.columns, to.rows, from.rows);
    const Between x = between(k % to.columns, to.columns, from.columns);
    add(y.first, x.first, (1 - y.share) * (1 - x.share));
    add(y.first, x.second, (1 - y.share) * x.share);
    add(y.second, x.first, y.share * (1 - x.share));
    add(y.second, x.second, y.share * x.share);
    sum += width;
  }
  return out;
}

}  // namespace mhub::runtime
