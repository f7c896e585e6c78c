// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/weight_view.hpp"

namespace mhub::runtime {

/// The type that a matrix has in its blocks; f32 where they differ.
Element stored_element(const WeightView& view);

/// The element type as a dtype and back (f32, f16, bf16).
DType dtype_of(Element element);
Element element_of(DType dtype);

/// The matrix on the device: one dense block of the given type, straight from the blocks (the mapped file)
/// through the device's pinned buffers, without another copy on the host.
WeightView upload(Device& device, const WeightView& view, Element element);

}  // namespace mhub::runtime
