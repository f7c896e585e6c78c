// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// The first CUDA device that the process may use (CUDA_VISIBLE_DEVICES chooses). Throws IoError "no CUDA
/// device: ..." when there is none.
std::unique_ptr<Device> open_cuda_device();

}  // namespace mhub::runtime
