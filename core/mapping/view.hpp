// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "mhub/mapping/box.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// A way of looking at (part of) a dense row-major tensor: axes with extents and element strides. Views only
/// build index maps; transforms take one view of each side and `zip` them. Every operation returns a new view
/// and throws std::logic_error when the axis or extent does not fit, because that is a mistake in a mapping,
/// not in a file.
class View {
 public:
  /// Throws ConfigError for a tensor without elements: shapes come from configs.
  explicit View(const Shape& shape);

  /// Replaces an axis by several whose extents multiply to it, outermost first.
  View split(std::size_t axis, const Shape& extents) const;
  /// Keeps elements start, start + step, ... (count of them) of an axis.
  View slice(std::size_t axis, std::int64_t start, std::int64_t count, std::int64_t step = 1) const;
  /// Fixes an axis at one index and drops it.
  View select(std::size_t axis, std::int64_t index) const;
  /// Axis k of the result is axis `order[k]` of this view.
  View permute(const std::vector<std::size_t>& order) const;

  const Shape& shape() const { return shape_; }
  const Index& strides() const { return strides_; }
  std::int64_t offset() const { return offset_; }

 private:
  Shape shape_;
  Index strides_;
  std::int64_t offset_ = 0;
};

/// The box that moves element (i, j, ...) of the source view to element (i, j, ...) of the destination view.
Box zip(const View& source, const View& destination);

}  // namespace mhub
