// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"

namespace mhub::runtime {

/// Backend::delta_net on the processor: token by token, key heads in parallel. The state of a sequence is,
/// for each key head, the last inputs of its convolution and a matrix [key_dim, value_dim] for each of its
/// value heads.
class CpuDeltaNet {
 public:
  CpuDeltaNet(ThreadPool& pool, const Kernels& kernels) : pool_(pool), kernels_(kernels) {}
  void run(const DeltaNet& net, Matrix in, std::span<const Segment> segments, Matrix out) const;

 private:
  void run_head(const DeltaNet& net, const Matrix& in, const Segment& segment, std::int64_t head,
                float* state, const Matrix& out) const;

  ThreadPool& pool_;
  const Kernels& kernels_;
};

}  // namespace mhub::runtime
