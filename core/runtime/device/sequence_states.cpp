// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/sequence_states.hpp"

#include <algorithm>
#include <vector>

namespace mhub::runtime {

SequenceStates find_states(Device& device, DeviceScratch& scratch, Element run,
                           std::span<const Segment> segments, std::int64_t rows, const StateSize& size) {
  const std::int64_t floats = size.inputs + size.matrices;
  std::vector<StateSegment> found;
  std::vector<std::int32_t> of_row(static_cast<std::size_t>(rows));
  for (const Segment& segment : segments) {
    // A cache counts in numbers of the run's type.
    float* state = segment.cache->state(floats * size_of(Element::f32) / size_of(run));
    if (segment.position == 0) device.clear(state, static_cast<std::size_t>(floats) * sizeof(float));
    std::fill_n(of_row.begin() + segment.first_row, segment.rows, static_cast<std::int32_t>(found.size()));
    found.push_back({segment.first_row, segment.rows, state, state + size.inputs});
  }
  Parcel parcel;
  const std::size_t states_at = parcel.add(std::span<const StateSegment>(found));
  const std::size_t rows_at = parcel.add(std::span<const std::int32_t>(of_row));
  const std::byte* sent = scratch.upload("sequence states", parcel.bytes());
  return {reinterpret_cast<const StateSegment*>(sent + states_at),
          reinterpret_cast<const std::int32_t*>(sent + rows_at), static_cast<std::int64_t>(found.size())};
}

}  // namespace mhub::runtime
