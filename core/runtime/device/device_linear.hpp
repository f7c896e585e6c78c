#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Products with weights on a device; arguments as Backend::linear.
class DeviceLinear {
 public:
  DeviceLinear(Device& device, Scratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  void run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
           Precision precision);

 private:
  void run_graph(const WeightBlock& weight, const float* bias, Matrix in, Matrix out, bool accumulate);

  Device& device_;
  Scratch& scratch_;
  Constants& constants_;
  Element run_;
};

/// Whether a graph multiplies [tokens, inputs] activations with a weight [outputs, inputs].
bool has_linear_graph(Element element, std::int64_t inputs, std::int64_t outputs);

}  // namespace mhub::runtime
