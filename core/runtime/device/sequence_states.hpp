// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Sizes of a sequence's state in a layer, in numbers: what StateSegment (state_kernels.hpp) points to.
struct StateSize {
  std::int64_t inputs, matrices;
};

/// The states of some segments, in the device's memory until the next call with that scratch.
struct SequenceStates {
  const StateSegment* segments;
  const std::int32_t* segment_of_row;
  std::int64_t count;  ///< of segments
};

/// Finds the states of segments that have `rows` rows together. They are float32 whatever the run's type,
/// each in a page of its layer's cache; those of sequences that begin are zeros.
SequenceStates find_states(Device& device, DeviceScratch& scratch, Element run,
                           std::span<const Segment> segments, std::int64_t rows, const StateSize& size);

}  // namespace mhub::runtime
