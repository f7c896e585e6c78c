#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Gated delta nets on a device; arguments as Backend::delta_net. A sequence's state: see
/// sequence_states.hpp.
class DeviceDeltaNet {
 public:
  DeviceDeltaNet(Device& device, Scratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  void run(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out);

 private:
  Device& device_;
  Scratch& scratch_;
  Constants& constants_;
  Element run_;
};

}  // namespace mhub::runtime
