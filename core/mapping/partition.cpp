// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/partition.hpp"

#include <array>

#include "mhub/mapping/view.hpp"

namespace mhub {

std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 14> kNames{"whole", "query", "key",  "value", "output_gate",
                                                    "gate",  "up",    "z",    "x",     "B",
                                                    "C",     "dt",    "beta", "alpha"};
  return kNames.at(static_cast<std::size_t>(role));
}

std::vector<RolePart> role_parts(const Shape& shape, const Partition& partition) {
  std::vector<RolePart> parts;
  if (partition.replicated()) return parts;
  const auto axis = static_cast<std::size_t>(partition.axis);
  std::int64_t begin = 0;
  for (const Partition::Segment& segment : partition.segments) {
    const View view = View(shape).slice(axis, begin, segment.length);
    begin += segment.length;
    Shape part = shape;
    if (segment.role != Role::whole) {
      part[axis] = segment.length;
      parts.push_back({segment.role, part, zip(view, View(part))});
    }
    const std::int64_t units = segment.length / segment.unit;
    std::int64_t first = 0;
    for (const Partition::Slice& slice : segment.slices) {
      part[axis] = units * slice.length;
      const View from = view.split(axis, {units, segment.unit}).slice(axis + 1, first, slice.length);
      parts.push_back({slice.role, part, zip(from, View(part).split(axis, {units, slice.length}))});
      first += slice.length;
    }
  }
  return parts;
}

}  // namespace mhub
