// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"

namespace mhub::runtime {

/// Products with weights on a device; arguments as Backend::linear.
class DeviceLinear {
 public:
  DeviceLinear(Device& device, DeviceScratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  void run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
           Precision precision);
  /// The product with its activation in one graph, arguments as Backend::linear_activate. Where there is no
  /// such graph, the result is false and nothing has been done.
  bool run_activated(const WeightView& weight, std::span<const float> bias, const Activation& activation,
                     Matrix in, Matrix out, Precision precision);

 private:
  bool has_graph(const WeightView& weight, Precision precision) const;
  void run_graph(const LinearSpec& spec, const void* weight, const float* bias, Matrix in, Matrix out,
                 bool accumulate);

  Device& device_;
  DeviceScratch& scratch_;
  Constants& constants_;
  Element run_;
};

/// Whether a graph multiplies [tokens, inputs] activations with a weight [outputs, inputs].
bool has_linear_graph(Element element, std::int64_t inputs, std::int64_t outputs);

/// Whether the graph of such a product has the activation too; `outputs` of them come out of it.
bool has_activation_graph(const Activation& activation, std::int64_t tokens, std::int64_t outputs);

}  // namespace mhub::runtime
