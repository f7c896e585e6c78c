// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Layers with a recurrence on a device; arguments as Backend's. A sequence's state: see sequence_states.hpp.
class DeviceRecurrence {
 public:
  DeviceRecurrence(Device& device, DeviceScratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  void delta_net(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out);
  void mamba(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out);

 private:
  Device& device_;
  DeviceScratch& scratch_;
  Constants& constants_;
  Element run_;
};

}  // namespace mhub::runtime
