// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "mhub/runtime/device/device.hpp"

namespace mhub::runtime {

/// Addresses of a CUDA device with memory mapped behind a growing part of them (CUDA driver API, "Virtual
/// Memory Management"). New memory is set to 0 in the stream `stream` (a cudaStream_t).
std::unique_ptr<GrowingMemory> map_memory(int device, std::size_t bytes, void* stream);

}  // namespace mhub::runtime
