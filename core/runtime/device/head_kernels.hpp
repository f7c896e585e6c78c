// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "mhub/runtime/device/element.hpp"
#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

// Kernels over attention heads; see matrix_kernels.hpp for what a kernel is.

/// A matrix as one head a token.
inline Heads as_heads(const Matrix& matrix) {
  return {matrix.data, matrix.rows, matrix.stride, 1, 0, 1, 0, matrix.columns};
}

MHUB_HOST_DEVICE inline std::int64_t count_of(const Heads& heads) {
  return heads.tokens * heads.groups * heads.heads;
}

/// Which head item `item` of count_of(heads) is.
struct HeadIndex {
  std::int64_t token, group, head;

  MHUB_HOST_DEVICE static HeadIndex at(std::int64_t item, const Heads& heads) {
    const std::int64_t per_token = heads.groups * heads.heads, rest = item % per_token;
    return {item / per_token, rest / heads.heads, rest % heads.heads};
  }
};

MHUB_HOST_DEVICE inline float* head_at(const Heads& heads, const HeadIndex& index) {
  return heads.data + index.token * heads.token_stride + index.group * heads.group_stride +
         index.head * heads.head_stride;
}

/// Mean and inverse deviation of a normalization; the mean of an RMS norm is 0.
struct NormStatistics {
  float mean, inverse;
};

/// The statistics of `size` numbers that at(k) gives.
template <typename Group, typename At>
MHUB_HOST_DEVICE NormStatistics norm_statistics(NormKind kind, float epsilon, std::int64_t size,
                                                const Group& group, const At& at) {
  const auto count = static_cast<float>(size);
  float mean = 0.0F;
  if (kind == NormKind::layer) {
    float sum = 0.0F;
    for (std::int64_t k = group.lane(); k < size; k += group.lanes()) sum += at(k);
    mean = group.sum(sum) / count;
  }
  float squares = 0.0F;
  for (std::int64_t k = group.lane(); k < size; k += group.lanes()) {
    const float difference = at(k) - mean;
    squares += difference * difference;
  }
  return {mean, 1.0F / sqrtf(group.sum(squares) / count + epsilon)};
}

/// Normalizes every head, or with `joint` all heads of a token together; `in` and `out` may be the same.
struct NormKernel {
  static constexpr const char* kName = "norm";
  NormKind kind;
  float epsilon;
  const float* weight;  ///< nullptr: 1
  const float* bias;    ///< nullptr: 0
  bool joint;
  Heads in, out;

  MHUB_HOST_DEVICE std::int64_t items() const { return joint ? in.tokens : count_of(in); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t heads = joint ? in.groups * in.heads : 1;
    // Number k of those that are normalized together.
    auto place = [&](const Heads& of, std::int64_t k) {
      return head_at(of, HeadIndex::at(item * heads + k / of.dim, of)) + k % of.dim;
    };
    const std::int64_t size = heads * in.dim;
    const NormStatistics found =
        norm_statistics(kind, epsilon, size, group, [&](std::int64_t k) { return *place(in, k); });
    for (std::int64_t k = group.lane(); k < size; k += group.lanes()) {
      const float value = (*place(in, k) - found.mean) * found.inverse;
      *place(out, k) = value * (weight != nullptr ? weight[k] : 1.0F) + (bias != nullptr ? bias[k] : 0.0F);
    }
  }
};

/// Rotates heads in place by the angles of their tokens, `half` pairs each.
struct RotateKernel {
  static constexpr const char* kName = "rotate";
  const float *cos, *sin;  ///< [tokens, half]
  std::int64_t half;
  bool interleaved;
  Heads heads;

  MHUB_HOST_DEVICE std::int64_t items() const { return count_of(heads); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const HeadIndex index = HeadIndex::at(item, heads);
    float* head = head_at(heads, index);
    for (std::int64_t k = group.lane(); k < half; k += group.lanes()) {
      float& low = head[interleaved ? 2 * k : k];
      float& high = head[interleaved ? 2 * k + 1 : k + half];
      const float x = low, y = high, c = cos[index.token * half + k], s = sin[index.token * half + k];
      low = x * c - y * s;
      high = y * c + x * s;
    }
  }
};

/// Head after head of every row of out is multiplied by the sigmoid of its token's gates.
struct GateKernel {
  static constexpr const char* kName = "gate";
  Heads gates;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return count_of(gates); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const HeadIndex index = HeadIndex::at(item, gates);
    const float* gate = head_at(gates, index);
    float* to = out.data + index.token * out.stride + (index.group * gates.heads + index.head) * gates.dim;
    for (std::int64_t c = group.lane(); c < gates.dim; c += group.lanes()) to[c] /= 1.0F + expf(-gate[c]);
  }
};

/// Copies heads of equal numbers and sizes.
struct CopyHeadsKernel {
  static constexpr const char* kName = "copy heads";
  Heads in, out;

  MHUB_HOST_DEVICE std::int64_t items() const { return count_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const float* from = head_at(in, HeadIndex::at(item, out));
    float* to = head_at(out, HeadIndex::at(item, out));
    for (std::int64_t c = group.lane(); c < out.dim; c += group.lanes()) to[c] = from[c];
  }
};

}  // namespace mhub::runtime
