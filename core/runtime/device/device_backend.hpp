// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// The operators on a device with memory of its own. Activations are float32 there. `run` is the type of the
/// keys and values that are kept, and what weights and activations are rounded to in front of a product:
/// f16 or bf16, for which the device's library has graphs, or f32, where everything is multiplied in float32
/// by kernels that check rather than race. Whatever a graph does not cover, a kernel computes.
std::unique_ptr<Backend> make_device_backend(std::unique_ptr<Device> device, Element run);

}  // namespace mhub::runtime
