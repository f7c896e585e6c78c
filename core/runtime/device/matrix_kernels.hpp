// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "mhub/runtime/device/element.hpp"
#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

// Kernels. A kernel is a plain struct of operands, all in device memory, with `items()` independent pieces of
// work; `operator()(item, group)` does one of them with the lanes of `group`: every lane calls it, takes the
// elements lane(), lane() + lanes(), ... and meets the others only in group.sum() and group.first(). On a
// CUDA device a group is a warp (cudnn/launch.cu); on the host it is one thread or several (tests), so that
// the same index arithmetic is tested without a device.

/// Columns of a matrix that one item works on.
struct Chunk {
  static constexpr std::int64_t kColumns = 1024;
  std::int64_t row, begin, end;

  MHUB_HOST_DEVICE static std::int64_t per_row(std::int64_t columns) {
    return (columns + kColumns - 1) / kColumns;
  }
  MHUB_HOST_DEVICE static Chunk at(std::int64_t item, std::int64_t columns) {
    const std::int64_t chunks = per_row(columns), begin = item % chunks * kColumns;
    return {item / chunks, begin, begin + kColumns < columns ? begin + kColumns : columns};
  }
};

MHUB_HOST_DEVICE inline std::int64_t chunks_of(const Matrix& matrix) {
  return matrix.rows * Chunk::per_row(matrix.columns);
}

/// Calls work(row, column) for the lane's columns of an item of `matrix`.
template <typename Group, typename Work>
MHUB_HOST_DEVICE void for_columns(const Matrix& matrix, std::int64_t item, const Group& group,
                                  const Work& work) {
  const Chunk chunk = Chunk::at(item, matrix.columns);
  for (std::int64_t c = chunk.begin + group.lane(); c < chunk.end; c += group.lanes()) work(chunk.row, c);
}

/// out[t] = table[ids[t]], added to what is there when `accumulate`; the table is dense.
struct EmbedKernel {
  static constexpr const char* kName = "embed";
  const void* table;
  Element element;
  const std::int64_t* ids;
  bool accumulate;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      float& to = out.data[r * out.stride + c];
      to = load(table, element, ids[r] * out.columns + c) + (accumulate ? to : 0.0F);
    });
  }
};

/// A dense matrix [rows, in.columns] of a 16-bit type: the rows of `in` rounded, zeros below them.
struct RoundKernel {
  static constexpr const char* kName = "round";
  Matrix in;
  void* out;
  Element element;
  std::int64_t rows;  ///< at least in.rows

  MHUB_HOST_DEVICE std::int64_t items() const { return rows * Chunk::per_row(in.columns); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(in, item, group, [&](std::int64_t r, std::int64_t c) {
      store(out, element, r * in.columns + c, r < in.rows ? in.data[r * in.stride + c] : 0.0F);
    });
  }
};

/// out = keep * out + factor * in; with keep 0, what is in `out` does not matter.
struct CombineKernel {
  static constexpr const char* kName = "combine";
  Matrix in;
  float factor, keep;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      float& to = out.data[r * out.stride + c];
      to = factor * in.data[r * in.stride + c] + (keep != 0.0F ? keep * to : 0.0F);
    });
  }
};

/// out = factor * out * factors[column] + offset (no factors: 1); with factor 0, what is there does not
/// matter.
struct ScaleKernel {
  static constexpr const char* kName = "scale";
  float factor;
  const float* factors;
  float offset;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      float& to = out.data[r * out.stride + c];
      const float scaled = factor != 0.0F ? factor * to * (factors != nullptr ? factors[c] : 1.0F) : 0.0F;
      to = scaled + offset;
    });
  }
};

/// out = cap * tanh(out / cap).
struct SoftCapKernel {
  static constexpr const char* kName = "soft cap";
  float cap;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      float& to = out.data[r * out.stride + c];
      to = cap * tanhf(to / cap);
    });
  }
};

MHUB_HOST_DEVICE inline float activated(ActivationKind kind, float x) {
  // gelu_tanh is x / 2 (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3).
  constexpr float kSqrt2OverPi = 0.7978845608028654F;
  switch (kind) {
    case ActivationKind::silu: return x / (1.0F + expf(-x));
    case ActivationKind::quick_gelu: return x / (1.0F + expf(-1.702F * x));
    case ActivationKind::gelu_tanh:
      return 0.5F * x * (1.0F + tanhf(kSqrt2OverPi * (x + 0.044715F * x * x * x)));
    case ActivationKind::gelu: return 0.5F * x * (1.0F + erff(x * 0.7071067811865476F));
    case ActivationKind::relu: return x > 0.0F ? x : 0.0F;
    case ActivationKind::relu_squared: return x > 0.0F ? x * x : 0.0F;
    case ActivationKind::xielu:  // has parameters: the function below
    case ActivationKind::identity: break;
  }
  return x;
}

/// With the constants of transformers' XIELUActivation (activations.py), beta 1/2 and eps -1e-6.
MHUB_HOST_DEVICE inline float activated(const Activation& activation, float x) {
  if (activation.kind != ActivationKind::xielu) return activated(activation.kind, x);
  const float below = x < -1e-6F ? x : -1e-6F;
  return (x > 0.0F ? activation.alpha_p * x * x : activation.alpha_n * (expm1f(below) - x)) + 0.5F * x;
}

/// out = act(in), or act(gate) * (up + offset) of in = [gate | up].
struct ActivateKernel {
  static constexpr const char* kName = "activate";
  Activation activation;
  Matrix in, out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const float limit = activation.clamp;
    for_columns(out, item, group, [&](std::int64_t r, std::int64_t c) {
      float gate = in.data[r * in.stride + c];
      float factor = 1.0F;
      if (activation.gated) {
        float up = in.data[r * in.stride + out.columns + c];
        if (limit > 0.0F) {
          gate = gate < limit ? gate : limit;
          up = up < limit ? up : limit;
          up = up > -limit ? up : -limit;
        }
        factor = up + activation.offset;
      }
      out.data[r * out.stride + c] = activated(activation, gate) * factor;
    });
  }
};

/// out[k] = factors[k] * in[rows[k]].
struct GatherKernel {
  static constexpr const char* kName = "gather";
  Matrix in;
  const std::int64_t* rows;
  const float* factors;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(out); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(out, item, group, [&](std::int64_t k, std::int64_t c) {
      out.data[k * out.stride + c] = factors[k] * in.data[rows[k] * in.stride + c];
    });
  }
};

/// out[rows[k]] += factors[k] * in[k]; the rows differ.
struct ScatterAddKernel {
  static constexpr const char* kName = "scatter add";
  Matrix in;
  const std::int64_t* rows;
  const float* factors;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(in); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    for_columns(in, item, group, [&](std::int64_t k, std::int64_t c) {
      out.data[rows[k] * out.stride + c] += factors[k] * in.data[k * in.stride + c];
    });
  }
};

/// out = in weight^T + bias with products and sums in float32; the weight [out.columns, in.columns] is dense.
struct DotKernel {
  static constexpr const char* kName = "dot";
  const void* weight;
  Element element;
  const float* bias;  ///< nullptr: none
  Matrix in;
  bool accumulate;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return out.rows * out.columns; }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t row = item / out.columns, column = item % out.columns;
    float sum = 0.0F;
    for (std::int64_t k = group.lane(); k < in.columns; k += group.lanes())
      sum += in.data[row * in.stride + k] * load(weight, element, column * in.columns + k);
    sum = group.sum(sum);
    if (group.lane() != 0) return;
    float& to = out.data[row * out.stride + column];
    to = (accumulate ? to : 0.0F) + (sum + (bias != nullptr ? bias[column] : 0.0F));
  }
};

/// Of every chunk of columns the `count` entries that rank first, in order, one round of the group each.
/// Where a chunk has fewer columns, entries follow that rank behind all of a matrix.
struct LargestKernel {
  static constexpr const char* kName = "largest";
  Matrix in;
  std::int64_t count;
  RowEntry* out;  ///< [rows, Chunk::per_row(in.columns), count]

  MHUB_HOST_DEVICE std::int64_t items() const { return chunks_of(in); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    RowEntry last{INFINITY, -1};
    for (std::int64_t k = 0; k < count; ++k) {
      RowEntry best{-INFINITY, INT32_MAX};
      for_columns(in, item, group, [&](std::int64_t r, std::int64_t c) {
        const RowEntry entry = RowEntry::of(in.data[r * in.stride + c], static_cast<std::int32_t>(c));
        if (ranks_before(last, entry) && ranks_before(entry, best)) best = entry;
      });
      last = group.first(best);
      if (group.lane() == 0) out[item * count + k] = last;
    }
  }
};

}  // namespace mhub::runtime
