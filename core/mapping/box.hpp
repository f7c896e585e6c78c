// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "mhub/tensor/shape.hpp"

namespace mhub {

/// One level of a box: `extent` steps, each moving by these many elements on either side.
struct Loop {
  std::int64_t extent = 1;
  std::int64_t source_stride = 0;
  std::int64_t destination_stride = 0;
  bool operator==(const Loop&) const = default;
};
/// Most boxes have one or two.
using Loops = SmallVector<Loop, 2>;

/// An affine piece of an index map between two dense row-major tensors, in linear element numbers: for every
/// combination (n0, n1, ...) of the loops, source element `source_offset + sum n*source_stride` goes to
/// destination element `destination_offset + sum n*destination_stride`.
///
/// Invariant of every box that the library makes: on each side the loops nest. Ordered by that side's stride,
/// a loop's stride is at least the span of all loops inside it, so that no element is met twice. Splitting,
/// permuting and slicing axes of a row-major tensor keeps this (cf. tensorstore's index transforms and CuTe's
/// layout algebra), and it makes composition a merge of two ordered lists instead of a search.
struct Box {
  std::int64_t source_offset = 0;
  std::int64_t destination_offset = 0;
  Loops loops;  ///< outermost (largest destination stride) first; extents > 1; coalesced
  bool operator==(const Box&) const = default;
};

/// Orders the loops, drops those of extent 1 and merges neighbours that are contiguous on both sides.
Box normalized(Box box);
/// The identity on elements [0, count) shifted to the given offsets.
Box run_box(std::int64_t source_offset, std::int64_t destination_offset, std::int64_t count);
/// Elements that the box moves.
std::int64_t element_count(const Box& box);
/// One past the last destination element minus the first.
std::int64_t destination_span(const Box& box);
/// The same pairs of elements, read the other way.
Box inverted(const Box& box);
/// All pairs (a, c) for which some b exists with (a, b) in `first` and (b, c) in `second`, as few boxes.
/// Costs nothing that depends on the number of elements.
std::vector<Box> compose(const Box& first, const Box& second);
/// The part of the box whose destination lies in [begin, end), with destination offsets kept.
std::vector<Box> clipped(const Box& box, std::int64_t begin, std::int64_t end);

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
