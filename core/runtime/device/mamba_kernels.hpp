// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/device/head_kernels.hpp"
#include "mhub/runtime/device/state_kernels.hpp"

namespace mhub::runtime {

// Kernels of a Mamba-2 mixer (backend.hpp, MambaMixer), behind its convolution (state_kernels.hpp).

/// The recurrence, for every token of a segment in order. Numbers of a head have nothing to do with each
/// other: an item is some of one head's, a lane has whole ones with their column of the state
/// [state_dim, head_dim].
struct ScanKernel {
  static constexpr const char* kName = "scan";
  static constexpr std::int64_t kColumns = 32;  ///< of an item: a cache line of every row
  std::int64_t heads, groups, head_dim, state_dim;
  const float *rate, *dt_bias, *skip;  ///< one a head
  Matrix mixed;                        ///< [tokens, x of all heads | B of all groups | C]
  Matrix steps;                        ///< [tokens, heads]: dt
  const StateSegment* segments;
  std::int64_t count;  ///< of segments
  Matrix out;          ///< [tokens, heads * head_dim]

  MHUB_HOST_DEVICE std::int64_t blocks() const { return (head_dim + kColumns - 1) / kColumns; }
  MHUB_HOST_DEVICE std::int64_t items() const { return count * heads * blocks(); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t begin = item % blocks() * kColumns, head = item / blocks() % heads;
    const StateSegment& segment = segments[item / blocks() / heads];
    const std::int64_t end = begin + kColumns < head_dim ? begin + kColumns : head_dim;
    for (std::int64_t c = begin + group.lane(); c < end; c += group.lanes()) {
      for (std::int64_t t = segment.first_row; t < segment.first_row + segment.rows; ++t)
        step(t, head, segment.matrices + head * state_dim * head_dim + c, c);
    }
  }

 private:
  /// Token t and number c of a head, whose column of the state begins at `column`.
  MHUB_HOST_DEVICE void step(std::int64_t t, std::int64_t head, float* column, std::int64_t c) const {
    const float* row = mixed.data + t * mixed.stride;
    const float* b = row + heads * head_dim + head / (heads / groups) * state_dim;
    const float* answers = b + groups * state_dim;
    const float x = row[head * head_dim + c];
    const float dt = softplus(steps.data[t * steps.stride + head] + dt_bias[head]);
    const float decay = expf(-rate[head] * dt), taken = dt * x;
    float sum = skip[head] * x;
    for (std::int64_t n = 0; n < state_dim; ++n) {
      const float cell = column[n * head_dim] * decay + b[n] * taken;
      column[n * head_dim] = cell;
      sum += answers[n] * cell;
    }
    out.data[t * out.stride + head * head_dim + c] = sum;
  }
};

/// Multiplies every number by SiLU of its gate, then normalizes each group of a row, `dim` numbers; in place.
struct GateAndNormKernel {
  static constexpr const char* kName = "gate and norm";
  NormKind kind;
  float epsilon;
  const float* weight;  ///< one a column
  std::int64_t dim;
  Matrix gates, out;

  MHUB_HOST_DEVICE std::int64_t items() const { return out.rows * (out.columns / dim); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t groups = out.columns / dim, row = item / groups, first = item % groups * dim;
    float* values = out.data + row * out.stride + first;
    const float* gate = gates.data + row * gates.stride + first;
    for (std::int64_t k = group.lane(); k < dim; k += group.lanes())
      values[k] *= activated(ActivationKind::silu, gate[k]);
    // A lane reads what it has written itself.
    const NormStatistics found =
        norm_statistics(kind, epsilon, dim, group, [&](std::int64_t k) { return values[k]; });
    for (std::int64_t k = group.lane(); k < dim; k += group.lanes())
      values[k] = (values[k] - found.mean) * found.inverse * weight[first + k];
  }
};

}  // namespace mhub::runtime
