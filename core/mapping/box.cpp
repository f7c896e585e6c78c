// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/box.hpp"

#include <algorithm>

namespace mhub {

Box normalized(Box box) {
  std::erase_if(box.loops, [](const Loop& loop) { return loop.extent == 1; });
  if (box.loops.size() < 2) return box;
  std::sort(box.loops.begin(), box.loops.end(), [](const Loop& a, const Loop& b) {
    if (a.destination_stride != b.destination_stride) return a.destination_stride > b.destination_stride;
    return a.source_stride > b.source_stride;
  });
  std::vector<Loop> merged;
  for (const Loop& loop : box.loops) {
    if (!merged.empty()) {
      Loop& outer = merged.back();
      if (outer.source_stride == loop.extent * loop.source_stride &&
          outer.destination_stride == loop.extent * loop.destination_stride) {
        outer = {outer.extent * loop.extent, loop.source_stride, loop.destination_stride};
        continue;
      }
    }
    merged.push_back(loop);
  }
  box.loops = std::move(merged);
  return box;
}

Box run_box(std::int64_t source_offset, std::int64_t destination_offset, std::int64_t count) {
  return normalized({source_offset, destination_offset, {{count, 1, 1}}});
}

std::int64_t element_count(const Box& box) {
  std::int64_t count = 1;
  for (const Loop& loop : box.loops) count *= loop.extent;
  return count;
}

std::int64_t destination_span(const Box& box) {
  std::int64_t span = 1;
  for (const Loop& loop : box.loops) span += (loop.extent - 1) * loop.destination_stride;
  return span;
}

Box inverted(const Box& box) {
  Box result{box.destination_offset, box.source_offset, box.loops};
  for (Loop& loop : result.loops) std::swap(loop.source_stride, loop.destination_stride);
  return normalized(std::move(result));
}

std::string to_string(const Box& box) {
  std::string text =
      "src " + std::to_string(box.source_offset) + " dst " + std::to_string(box.destination_offset) + ":";
  for (const Loop& loop : box.loops) {
    text += (&loop == box.loops.data() ? " " : ", ") + std::to_string(loop.extent) + " x (" +
            std::to_string(loop.source_stride) + " -> " + std::to_string(loop.destination_stride) + ")";
  }
  return text;
}

}  // namespace mhub
