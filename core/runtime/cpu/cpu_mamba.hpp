// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"

namespace mhub::runtime {

/// Backend::mamba on the processor: some tokens at a time, first the convolution of all channels, then the
/// recurrence head by head, token by token. The state of a sequence is the last inputs of its convolution
/// [kernel - 1, channels] and a matrix [state_dim, head_dim] for each head.
class CpuMamba {
 public:
  CpuMamba(ThreadPool& pool, const Kernels& kernels) : pool_(pool), kernels_(kernels) {}
  void run(const MambaMixer& mixer, Matrix in, std::span<const Segment> segments, Matrix out);

 private:
  /// Consecutive tokens of one sequence.
  struct Piece {
    std::int64_t first_row, rows;  ///< of the activations
    float* state;                  ///< of the sequence
    float* convolved;              ///< [rows, channels]
  };
  void mix(const MambaMixer& mixer, const Matrix& in, std::span<const Piece> pieces, const Matrix& out) const;
  void convolve(const MambaMixer& mixer, const Matrix& in, const Piece& piece, std::int64_t first_channel,
                std::int64_t count) const;
  void scan(const MambaMixer& mixer, const Matrix& in, const Piece& piece, std::int64_t head,
            const Matrix& out) const;
  void gate_and_normalize(const MambaMixer& mixer, const Matrix& in, const Matrix& out) const;

  ThreadPool& pool_;
  const Kernels& kernels_;
  std::vector<float> convolved_;
};

}  // namespace mhub::runtime
