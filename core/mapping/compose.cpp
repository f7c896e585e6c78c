// SPDX-License-Identifier: Apache-2.0
// Composition of boxes: the intersection of two nested lattices of the middle tensor's linear element
// numbers, each carrying along where its elements come from or go to.
#include <algorithm>
#include <span>

#include "mhub/mapping/box.hpp"

namespace mhub {
namespace {

/// One loop of a lattice: its stride in the middle tensor and on the outer side (source or destination).
struct Level {
  std::int64_t extent;
  std::int64_t middle;
  std::int64_t outer;
};

/// What is left of one operand while both are walked from their largest strides inwards.
struct Lattice {
  std::int64_t middle = 0;  ///< first element in the middle tensor
  std::int64_t outer = 0;   ///< the same element on the outer side
  std::vector<Level> levels;

  std::int64_t span(std::size_t first_level = 0) const {
    std::int64_t span = 1;
    for (std::size_t k = first_level; k < levels.size(); ++k)
      span += (levels[k].extent - 1) * levels[k].middle;
    return span;
  }
  /// The lattice of the `index`-th step of the outermost level.
  Lattice step(std::int64_t index) const {
    return {middle + index * levels[0].middle,
            outer + index * levels[0].outer,
            {levels.begin() + 1, levels.end()}};
  }
};

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/// Walks two lattices; `outer_loops` holds the levels that both have already stepped through together.
class Intersection {
 public:
  explicit Intersection(std::vector<Box>& out) : out_(out) {}

  void run(const Lattice& first, const Lattice& second) {
    if (first.middle + first.span() <= second.middle || second.middle + second.span() <= first.middle) return;
    if (is_run(first)) {
      clip(second, first, false);
    } else if (is_run(second)) {
      clip(first, second, true);
    } else if (first.levels[0].middle == second.levels[0].middle) {
      together(first, second);
    } else if (first.levels[0].middle > second.levels[0].middle) {
      refine(first, second, false);
    } else {
      refine(second, first, true);
    }
  }

 private:
  /// A single element, or consecutive elements of the middle tensor.
  static bool is_run(const Lattice& lattice) {
    return lattice.levels.empty() || (lattice.levels.size() == 1 && lattice.levels[0].middle == 1);
  }

  void emit(std::int64_t source, std::int64_t destination, std::span<const Loop> inner) {
    Box box{source, destination, loops_};
    box.loops.insert(box.loops.end(), inner.begin(), inner.end());
    out_.push_back(normalized(std::move(box)));
  }

  /// Emits the part of `lattice` inside the run. `lattice_is_first` tells which operand is the source side.
  void clip(const Lattice& lattice, const Lattice& run, bool lattice_is_first) {
    const std::int64_t begin = run.middle;
    const std::int64_t end = run.middle + run.span();
    if (lattice.middle >= end || lattice.middle + lattice.span() <= begin) return;
    if (lattice.middle >= begin && lattice.middle + lattice.span() <= end) {
      whole(lattice, run, lattice_is_first);
      return;
    }
    const Level& top = lattice.levels[0];
    const std::int64_t width = lattice.span(1);
    // Steps that lie inside as a whole form one range; at most one step at either end is cut.
    const std::int64_t full_begin =
        std::clamp(-floor_div(-(begin - lattice.middle), top.middle), std::int64_t{0}, top.extent);
    const std::int64_t full_end =
        std::clamp(floor_div(end - width - lattice.middle, top.middle) + 1, full_begin, top.extent);
    if (full_begin > 0) clip(lattice.step(full_begin - 1), run, lattice_is_first);
    if (full_end > full_begin) {
      Lattice middle = lattice;
      middle.middle += full_begin * top.middle;
      middle.outer += full_begin * top.outer;
      middle.levels[0].extent = full_end - full_begin;
      whole(middle, run, lattice_is_first);
    }
    if (full_end < top.extent) clip(lattice.step(full_end), run, lattice_is_first);
  }

  /// Emits all of `lattice`, which lies inside the run.
  void whole(const Lattice& lattice, const Lattice& run, bool lattice_is_first) {
    const std::int64_t stride = run.levels.empty() ? 0 : run.levels[0].outer;
    const std::int64_t run_outer = run.outer + (lattice.middle - run.middle) * stride;
    std::vector<Loop> inner;
    inner.reserve(lattice.levels.size());
    for (const Level& level : lattice.levels) {
      inner.push_back(lattice_is_first ? Loop{level.extent, level.outer, level.middle * stride}
                                       : Loop{level.extent, level.middle * stride, level.outer});
    }
    if (lattice_is_first) {
      emit(lattice.outer, run_outer, inner);
    } else {
      emit(run_outer, lattice.outer, inner);
    }
  }

  /// Both lattices repeat with the same stride: their steps meet pairwise, at one or two relative offsets.
  void together(const Lattice& first, const Lattice& second) {
    const std::int64_t stride = first.levels[0].middle;
    const std::int64_t shift = floor_div(second.middle - first.middle, stride);
    for (const std::int64_t lead : {shift, shift + 1}) {  // first's step minus second's step
      const std::int64_t begin = std::max<std::int64_t>(0, -lead);
      const std::int64_t end = std::min(second.levels[0].extent, first.levels[0].extent - lead);
      if (begin >= end) continue;
      loops_.push_back({end - begin, first.levels[0].outer, second.levels[0].outer});
      run(first.step(begin + lead), second.step(begin));
      loops_.pop_back();
    }
  }

  /// `coarse` has the larger stride. Groups the steps of `fine` to that stride where it divides, so that both
  /// can go on together; otherwise visits the few steps of `coarse` that `fine` touches one by one.
  void refine(const Lattice& coarse, const Lattice& fine, bool swapped) {
    auto next = [&](const Lattice& c, const Lattice& f) { swapped ? run(f, c) : run(c, f); };
    const Level& big = coarse.levels[0];
    const Level& small = fine.levels[0];
    const std::int64_t group = big.middle / small.middle;
    if (big.middle % small.middle == 0 && small.extent > group) {
      Lattice grouped = fine;
      grouped.levels[0] = {small.extent / group, big.middle, small.outer * group};
      grouped.levels.insert(grouped.levels.begin() + 1, {group, small.middle, small.outer});
      next(coarse, grouped);
      if (const std::int64_t rest = small.extent % group; rest > 0) {
        Lattice tail = fine;
        tail.middle += (small.extent - rest) * small.middle;
        tail.outer += (small.extent - rest) * small.outer;
        tail.levels[0].extent = rest;
        if (rest == 1) tail = tail.step(0);
        next(coarse, tail);
      }
      return;
    }
    const std::int64_t width = coarse.span(1);
    const std::int64_t begin = std::clamp(floor_div(fine.middle - width - coarse.middle, big.middle) + 1,
                                          std::int64_t{0}, big.extent);
    const std::int64_t end =
        std::clamp(-floor_div(-(fine.middle + fine.span() - coarse.middle), big.middle), begin, big.extent);
    for (std::int64_t step = begin; step < end; ++step) next(coarse.step(step), fine);
  }

  std::vector<Box>& out_;
  std::vector<Loop> loops_;
};

/// The lattice of one side of a box, ordered by and merged on that side alone where both strides allow.
Lattice lattice_of(const Box& box, bool destination_is_middle) {
  Lattice lattice{destination_is_middle ? box.destination_offset : box.source_offset,
                  destination_is_middle ? box.source_offset : box.destination_offset,
                  {}};
  lattice.levels.reserve(box.loops.size());
  for (const Loop& loop : box.loops) {
    lattice.levels.push_back(destination_is_middle
                                 ? Level{loop.extent, loop.destination_stride, loop.source_stride}
                                 : Level{loop.extent, loop.source_stride, loop.destination_stride});
  }
  std::sort(lattice.levels.begin(), lattice.levels.end(),
            [](const Level& a, const Level& b) { return a.middle > b.middle; });
  return lattice;
}

/// How many elements a box moves if they are consecutive on both sides, else 0.
std::int64_t run_length(const Box& box) {
  if (box.loops.empty()) return 1;
  const Loop& loop = box.loops.front();
  return box.loops.size() == 1 && loop.source_stride == 1 && loop.destination_stride == 1 ? loop.extent : 0;
}

}  // namespace

std::vector<Box> compose(const Box& first, const Box& second) {
  if (const auto length = run_length(first), other = run_length(second); length > 0 && other > 0) {
    // Most boxes of most models are runs.
    const std::int64_t begin = std::max(first.destination_offset, second.source_offset);
    const std::int64_t end = std::min(first.destination_offset + length, second.source_offset + other);
    if (begin >= end) return {};
    return {run_box(first.source_offset + begin - first.destination_offset,
                    second.destination_offset + begin - second.source_offset, end - begin)};
  }
  std::vector<Box> out;
  Intersection(out).run(lattice_of(first, true), lattice_of(second, false));
  return out;
}

std::vector<Box> clipped(const Box& box, std::int64_t begin, std::int64_t end) {
  if (begin >= end) return {};
  return compose(box, run_box(begin, begin, end - begin));
}

}  // namespace mhub
