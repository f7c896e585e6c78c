// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"

namespace mhub::runtime {

/// How the CPU backend runs.
struct CpuOptions {
  int threads = 0;                   ///< 0: one per processor that the process may use
  const Kernels* kernels = nullptr;  ///< nullptr: the best that the processor has; else exactly these
};

/// Operators on the processor's own memory: weights stay in the mapped files in their own type, activations
/// and sums are float32.
std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options = {});

}  // namespace mhub::runtime
