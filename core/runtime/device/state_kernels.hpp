// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/device/matrix_kernels.hpp"

namespace mhub::runtime {

// What layers with a state of fixed size have in common: a convolution that remembers its last inputs, in
// front of a recurrence; see matrix_kernels.hpp for what a kernel is.

/// A segment (backend.hpp) with the state of its sequence. The layout of `matrices` is the operator's.
struct StateSegment {
  std::int64_t first_row = 0, rows = 0;
  float* inputs = nullptr;    ///< [kernel - 1, channels]: the last inputs of the convolution, oldest first
  float* matrices = nullptr;  ///< one for each head
};

/// A causal convolution of every channel with SiLU behind it: a row sees itself and the kernel - 1 before it,
/// which the state has where they are not in the segment.
struct ConvolveKernel {
  static constexpr const char* kName = "convolve";
  Matrix in;  ///< [tokens, channels]
  const float*
      weight;  ///< of channel c and the k-th token that it sees: c * channel_stride + k * token_stride
  std::int64_t channel_stride, token_stride;
  const float* bias;  ///< nullptr: none
  std::int64_t kernel;
  const StateSegment* segments;
  const std::int32_t* segment_of_row;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      const StateSegment& segment = segments[segment_of_row[r]];
      const std::int64_t before = kernel - 1, first = r - segment.first_row - before;
      float sum = bias != nullptr ? bias[c] : 0.0F;
      for (std::int64_t k = 0; k < kernel; ++k) {
        const std::int64_t row = first + k;  // in the segment
        const float x = row < 0 ? segment.inputs[(before + row) * in.columns + c]
                                : in.data[(segment.first_row + row) * in.stride + c];
        sum += weight[c * channel_stride + k * token_stride] * x;
      }
      out.data[r * out.stride + c] = activated(ActivationKind::silu, sum);
    });
  }
};

/// The last `before` inputs of every sequence, for the next convolution.
struct KeepInputsKernel {
  static constexpr const char* kName = "keep inputs";
  Matrix in;
  std::int64_t before;
  const StateSegment* segments;
  std::int64_t count;  ///< of segments

  MHUB_HOST_DEVICE std::int64_t items() const { return count * Chunk::per_row(in.columns); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(in, item, group, [&](std::int64_t s, std::int64_t c) {
      const StateSegment& segment = segments[s];
      for (std::int64_t k = 0; k < before; ++k) {  // in this order none is lost before it has moved
        const std::int64_t row = segment.rows - before + k;
        segment.inputs[k * in.columns + c] = row < 0 ? segment.inputs[(before + row) * in.columns + c]
                                                     : in.data[(segment.first_row + row) * in.stride + c];
      }
    });
  }
};

MHUB_HOST_DEVICE inline float softplus(float x) {
  return x > 20.0F ? x : log1pf(expf(x));  // torch's threshold
}

}  // namespace mhub::runtime
