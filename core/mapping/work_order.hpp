// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/executor.hpp"

namespace mhub {

/// Chunks (numbers in a plan) that one thread carries out together, window by window.
using WorkUnit = std::vector<std::size_t>;

/// The chunks of a plan in the order in which to begin them: the largest first, so that threads end together;
/// where bytes arrive (ByteSource), in the order in which the last ones that they need do. With `together`,
/// chunks whose elements take turns in the source (the ranks of a row-parallel weight) are one unit, so that
/// one pass over the source serves all.
std::vector<WorkUnit> work_units(const CopyPlan& plan, bool together);

/// How many elements of each chunk of a unit make a window.
std::int64_t window_elements(const CopyPlan& plan, const WorkUnit& unit);

/// The stretches of sources in which the elements [begin, begin + count) of chunks lie between each other, at
/// least half of each wanted.
std::vector<Stretch> shared_stretches(std::span<const ChunkPlan* const> chunks, std::int64_t begin,
                                      std::int64_t count);

/// Bytes of its source that a box spans, from `first`, where source element 0 lies.
Stretch span_of(const ByteSource* bytes, std::uint64_t first, const Box& box, std::size_t size);

}  // namespace mhub
