// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "mhub/runtime/host_device.hpp"

namespace mhub::runtime {

/// A borrowed float32 matrix [rows, columns] of activations in a backend's memory; a row is one token.
struct Matrix {
  float* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t stride = 0;  ///< floats from one row to the next

  Matrix slice_rows(std::int64_t begin, std::int64_t count) const {
    return {data + begin * stride, count, columns, stride};
  }
  Matrix slice_columns(std::int64_t begin, std::int64_t count) const {
    return {data + begin, rows, count, stride};
  }
};

/// A number of a row and its column.
struct RowEntry {
  float value = 0.0F;
  std::int32_t column = 0;

  /// A NaN counts as -infinity.
  MHUB_HOST_DEVICE static RowEntry of(float value, std::int32_t column) {
    return {value == value ? value : -INFINITY, column};
  }
};

/// Larger numbers first, of equal ones the first column.
MHUB_HOST_DEVICE inline bool ranks_before(const RowEntry& a, const RowEntry& b) {
  return a.value != b.value ? a.value > b.value : a.column < b.column;
}

/// Attention heads inside a matrix of activations: head `h` of group `g` of token `t` is `dim` floats at
/// `data
/// + t * token_stride + g * group_stride + h * head_stride`. Queries, keys and values are three of these in
/// the output of one linear_qkv.
struct Heads {
  float* data = nullptr;
  std::int64_t tokens = 0, token_stride = 0;
  std::int64_t groups = 0, group_stride = 0;
  std::int64_t heads = 0, head_stride = 0;  ///< heads per group
  std::int64_t dim = 0;

  /// The same heads, reduced to dimensions [begin, begin + count).
  Heads slice(std::int64_t begin, std::int64_t count) const {
    Heads part = *this;
    part.data += begin;
    part.dim = count;
    return part;
  }
};

enum class NormKind { rms, layer };

enum class ActivationKind { silu, gelu, gelu_tanh, quick_gelu, relu, relu_squared, identity, xielu };

/// An activation of an MLP. With `gated`, the input is [gate | up] and the output act(gate) * (up + offset),
/// where a `clamp` above 0 first limits gate to at most `clamp` and up to [-clamp, clamp].
struct Activation {
  ActivationKind kind = ActivationKind::silu;
  bool gated = true;
  float clamp = 0.0F;
  float offset = 0.0F;
  /// Of xielu: alpha_p x^2 + x / 2 above 0, else alpha_n (expm1(x) - x) + x / 2.
  float alpha_p = 0.0F, alpha_n = 0.0F;
};

}  // namespace mhub::runtime
