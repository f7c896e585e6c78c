// SPDX-License-Identifier: Apache-2.0
// Composition of boxes: the intersection of two nested lattices of the middle tensor's linear element
// numbers, each carrying along where its elements come from or go to. A lattice is a box whose destination is
// the middle tensor and whose source is the outer one: the first box as it is, the second inverted.
#include <algorithm>

#include "mhub/mapping/box.hpp"

namespace mhub {
namespace {

std::int64_t end_of(const Box& lattice) { return lattice.destination_offset + destination_span(lattice); }

/// `count` steps of the outermost loop from `index` on.
Box steps(Box lattice, std::int64_t index, std::int64_t count) {
  lattice.destination_offset += index * lattice.loops[0].destination_stride;
  lattice.source_offset += index * lattice.loops[0].source_stride;
  lattice.loops[0].extent = count;
  return lattice;
}
Box step(const Box& lattice, std::int64_t index) {
  Box one = steps(lattice, index, 1);
  one.loops.erase(one.loops.begin());
  return one;
}

/// A single element, or consecutive elements of the middle tensor.
bool is_run(const Box& lattice) {
  return lattice.loops.empty() || (lattice.loops.size() == 1 && lattice.loops[0].destination_stride == 1);
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/// Walks two lattices from their largest strides inwards; `loops_` holds those that both have already stepped
/// through together.
class Intersection {
 public:
  explicit Intersection(std::vector<Box>& out) : out_(out) {}

  void run(const Box& first, const Box& second) {
    if (end_of(first) <= second.destination_offset || end_of(second) <= first.destination_offset) return;
    if (is_run(first)) {
      clip(second, first, false);
    } else if (is_run(second)) {
      clip(first, second, true);
    } else if (first.loops[0].destination_stride == second.loops[0].destination_stride) {
      together(first, second);
    } else if (first.loops[0].destination_stride > second.loops[0].destination_stride) {
      refine(first, second, false);
    } else {
      refine(second, first, true);
    }
  }

 private:
  /// Emits the part of `lattice` inside the run. `lattice_is_first` tells which operand is the source side.
  void clip(const Box& lattice, const Box& run, bool lattice_is_first) {
    const std::int64_t begin = run.destination_offset, end = end_of(run), at = lattice.destination_offset;
    if (at >= end || end_of(lattice) <= begin) return;
    if (at >= begin && end_of(lattice) <= end) return whole(lattice, run, lattice_is_first);
    const auto [extent, source_stride, stride] = lattice.loops[0];
    const std::int64_t width = destination_span(lattice) - (extent - 1) * stride;
    // Steps that lie inside as a whole form one range; at most one step at either end is cut.
    const std::int64_t full_begin = std::clamp(-floor_div(-(begin - at), stride), std::int64_t{0}, extent);
    const std::int64_t full_end = std::clamp(floor_div(end - width - at, stride) + 1, full_begin, extent);
    if (full_begin > 0) clip(step(lattice, full_begin - 1), run, lattice_is_first);
    if (full_end > full_begin)
      whole(steps(lattice, full_begin, full_end - full_begin), run, lattice_is_first);
    if (full_end < extent) clip(step(lattice, full_end), run, lattice_is_first);
  }

  /// Emits all of `lattice`, which lies inside the run.
  void whole(const Box& lattice, const Box& run, bool lattice_is_first) {
    const std::int64_t stride = run.loops.empty() ? 0 : run.loops[0].source_stride;
    const std::int64_t skipped = lattice.destination_offset - run.destination_offset;
    Box box{lattice.source_offset, run.source_offset + skipped * stride, lattice.loops};
    for (Loop& loop : box.loops) loop.destination_stride *= stride;
    if (!lattice_is_first) box = inverted(box);
    box.loops.insert(box.loops.end(), loops_.begin(), loops_.end());
    out_.push_back(normalized(std::move(box)));
  }

  /// Both lattices repeat with the same stride: their steps meet pairwise, at one or two relative offsets.
  void together(const Box& first, const Box& second) {
    const Loop& a = first.loops[0];
    const Loop& b = second.loops[0];
    const std::int64_t shift =
        floor_div(second.destination_offset - first.destination_offset, a.destination_stride);
    for (const std::int64_t lead : {shift, shift + 1}) {  // first's step minus second's step
      const std::int64_t begin = std::max<std::int64_t>(0, -lead);
      const std::int64_t end = std::min(b.extent, a.extent - lead);
      if (begin >= end) continue;
      loops_.push_back({end - begin, a.source_stride, b.source_stride});
      run(step(first, begin + lead), step(second, begin));
      loops_.pop_back();
    }
  }

  /// `coarse` has the larger stride. Groups the steps of `fine` to that stride where it divides, so that both
  /// can go on together; otherwise visits the few steps of `coarse` that `fine` touches one by one.
  void refine(const Box& coarse, const Box& fine, bool swapped) {
    auto next = [&](const Box& c, const Box& f) { swapped ? run(f, c) : run(c, f); };
    const Loop& big = coarse.loops[0];
    const Loop& small = fine.loops[0];
    const std::int64_t group = big.destination_stride / small.destination_stride;
    if (big.destination_stride % small.destination_stride == 0 && small.extent > group) {
      Box grouped = fine;
      grouped.loops[0] = {small.extent / group, small.source_stride * group, big.destination_stride};
      grouped.loops.insert(grouped.loops.begin() + 1, {group, small.source_stride, small.destination_stride});
      next(coarse, grouped);
      const std::int64_t rest = small.extent % group, done = small.extent - rest;
      if (rest > 0) next(coarse, rest == 1 ? step(fine, done) : steps(fine, done, rest));
      return;
    }
    const std::int64_t width = destination_span(coarse) - (big.extent - 1) * big.destination_stride;
    const std::int64_t apart = fine.destination_offset - coarse.destination_offset;
    const std::int64_t begin =
        std::clamp(floor_div(apart - width, big.destination_stride) + 1, std::int64_t{0}, big.extent);
    const std::int64_t end =
        std::clamp(-floor_div(-(apart + destination_span(fine)), big.destination_stride), begin, big.extent);
    for (std::int64_t at = begin; at < end; ++at) next(step(coarse, at), fine);
  }

  std::vector<Box>& out_;
  Loops loops_;
};

/// How many elements a box moves if they are consecutive on both sides, else 0.
std::int64_t run_elements(const Box& box) {
  if (box.loops.empty()) return 1;
  const Loop& loop = box.loops.front();
  return box.loops.size() == 1 && loop.source_stride == 1 && loop.destination_stride == 1 ? loop.extent : 0;
}

}  // namespace

std::vector<Box> compose(const Box& first, const Box& second) {
  if (const auto length = run_elements(first), other = run_elements(second); length > 0 && other > 0) {
    // Most boxes of most models are runs.
    const std::int64_t begin = std::max(first.destination_offset, second.source_offset);
    const std::int64_t end = std::min(first.destination_offset + length, second.source_offset + other);
    if (begin >= end) return {};
    return {run_box(first.source_offset + begin - first.destination_offset,
                    second.destination_offset + begin - second.source_offset, end - begin)};
  }
  std::vector<Box> out;
  Intersection(out).run(first, inverted(second));
  return out;
}

std::vector<Box> clipped(const Box& box, std::int64_t begin, std::int64_t end) {
  if (begin >= end) return {};
  return compose(box, run_box(begin, begin, end - begin));
}

}  // namespace mhub
