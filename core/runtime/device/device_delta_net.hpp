#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Gated delta nets on a device; arguments as Backend::delta_net. The state of a sequence (StateSegment) is
/// float32 whatever the run's type, in a page of its layer's cache.
class DeviceDeltaNet {
 public:
  DeviceDeltaNet(Device& device, Scratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  void run(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out);

 private:
  /// The segments with their states; those of sequences that begin are zeros.
  std::vector<StateSegment> states(const DeltaNet& net, std::span<const Segment> segments);

  Device& device_;
  Scratch& scratch_;
  Constants& constants_;
  Element run_;
};

}  // namespace mhub::runtime
