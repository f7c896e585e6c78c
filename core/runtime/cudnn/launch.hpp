// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// Puts a kernel with at least one item into the stream: a warp does an item at a time.
cudaError_t launch(const Kernel& kernel, cudaStream_t stream);

}  // namespace mhub::runtime
