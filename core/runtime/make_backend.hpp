// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::runtime {

/// Where and how a model runs.
struct BackendOptions {
  std::string device = "cpu";  ///< "cpu", or "cuda" (also "cudnn") for the first CUDA device
  int threads = 0;             ///< of the CPU; 0: one per processor
  DType run = DType::bf16;     ///< of a GPU: what cudnn_backend.hpp calls the run's type
};

/// Throws UsageError for another device, a number of threads outside 0 .. 1024 or a type that nothing runs
/// in.
void check(const BackendOptions& options);
/// The same, and IoError when a GPU is asked for and there is none.
std::unique_ptr<Backend> make_backend(const BackendOptions& options);

/// The 16-bit type that most of a checkpoint is stored in; bf16 where it is neither.
DType half_dtype(const Checkpoint& checkpoint);

}  // namespace mhub::runtime
