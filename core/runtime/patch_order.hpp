// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/image/image_processor.hpp"
#include "mhub/plugin/vision_parts.hpp"

namespace mhub::runtime {

/// The patches of a picture: tile after tile, in each row by row; or, where `merge` says so, squares of merge
/// * merge patches row by row, and row by row inside a square.
struct PatchGrid {
  std::int64_t tiles = 1, rows = 0, columns = 0;
  std::int64_t merge = 1;
  std::int64_t tokens() const { return tiles * rows * columns; }
};

/// In which order the patches of a tile run through the layers, and which of them see each other.
class PatchOrder {
 public:
  /// `window` squares of `grid.merge` patches along a side are a window, windows row by row; 0: there are
  /// none, and the order is the grid's (transformers' get_vision_window_index).
  PatchOrder(const PatchGrid& grid, std::int64_t window);

  struct Place {
    std::int64_t row, column;
  };
  std::int64_t size() const { return static_cast<std::int64_t>(places_.size()); }
  /// Where the patches stand, in the order of the layers.
  const std::vector<Place>& places() const { return places_; }
  const PatchGrid& grid() const { return grid_; }
  /// How many patches each window has, one behind another; a single one without windows.
  const std::vector<std::int64_t>& windows() const { return windows_; }

  /// Rows of `width` numbers, one a patch, from the grid's order into the layers', and back.
  std::vector<float> sorted(std::span<const float> rows) const { return moved(rows, false); }
  std::vector<float> restored(std::span<const float> rows) const { return moved(rows, true); }

 private:
  std::vector<float> moved(std::span<const float> rows, bool back) const;
  void add_square(std::int64_t row, std::int64_t column);

  PatchGrid grid_;
  std::vector<Place> places_;
  std::vector<std::int64_t> from_;  ///< the grid's numbers
  std::vector<std::int64_t> windows_;
  bool moved_ = false;
};

/// The patches of a tile [3, height, `width`] as rows [grid.rows * grid.columns, 3 * size * size], in the
/// order of a convolution's weights, without what is behind the last whole one.
std::vector<float> patches_of(std::span<const float> tile, std::int64_t width, const PatchGrid& grid,
                              std::int64_t size);

/// A square table [side * side, width] at the places of a grid, bilinearly between its entries (transformers'
/// get_vision_bilinear_indices_and_weights): [places, width].
std::vector<float> interpolated(std::span<const float> table, std::int64_t side, std::int64_t width,
                                const PatchOrder& order);

/// The same as torch's grid_sample(mode="bicubic", padding_mode="border", align_corners=False) gives it, the
/// grid stretched over the table (Glm4vVisionEmbeddings of modeling_glm4v.py).
std::vector<float> bicubic(std::span<const float> table, std::int64_t side, std::int64_t width,
                           const PatchOrder& order);

/// A grid of rows of `width` numbers as torch's interpolate(mode="bilinear") makes another one of it.
std::vector<float> bilinear(std::span<const float> rows, const PatchGrid& from, const PatchGrid& to,
                            std::int64_t width);

}  // namespace mhub::runtime
