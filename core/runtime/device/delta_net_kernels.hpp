// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/device/head_kernels.hpp"
#include "mhub/runtime/device/state_kernels.hpp"

namespace mhub::runtime {

// Kernels of a gated delta net (backend.hpp, DeltaNet); see matrix_kernels.hpp for what a kernel is. Only the
// recurrence goes token by token; whatever else can, runs over all tokens at once.

/// The delta rule, for every token of a segment in order: the state forgets, takes what the key does not yet
/// recall, and is asked. Columns of a state have nothing to do with each other: an item is some of one value
/// head's, a lane has whole ones. Queries and keys come as a norm leaves them, with a root mean square of 1:
/// `unit` is 1 / sqrt(key_dim), which makes that a length of 1.
struct DeltaRuleKernel {
  static constexpr const char* kName = "delta rule";
  static constexpr std::int64_t kColumns = 32;  ///< of an item: a cache line of every row
  std::int64_t key_heads, value_heads, key_dim, value_dim;
  float unit;
  const float *rate, *dt_bias;  ///< one a value head
  Matrix mixed;                 ///< [tokens, queries of all key heads | keys | values of all value heads]
  Matrix betas, alphas;         ///< [tokens, value_heads]
  const StateSegment* segments;
  std::int64_t count;  ///< of segments
  Matrix out;          ///< [tokens, value_heads * value_dim]

  MHUB_HOST_DEVICE std::int64_t blocks() const { return (value_dim + kColumns - 1) / kColumns; }
  MHUB_HOST_DEVICE std::int64_t items() const { return count * value_heads * blocks(); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t begin = item % blocks() * kColumns, head = item / blocks() % value_heads;
    const StateSegment& segment = segments[item / blocks() / value_heads];
    const std::int64_t end = begin + kColumns < value_dim ? begin + kColumns : value_dim;
    for (std::int64_t c = begin + group.lane(); c < end; c += group.lanes()) {
      for (std::int64_t t = segment.first_row; t < segment.first_row + segment.rows; ++t)
        step(t, head, segment.matrices + head * key_dim * value_dim + c, c);
    }
  }

 private:
  /// Token t and column c of a head, which begins at `column` and has key_dim numbers.
  MHUB_HOST_DEVICE void step(std::int64_t t, std::int64_t head, float* column, std::int64_t c) const {
    const std::int64_t key_head = head / (value_heads / key_heads), keys = key_heads * key_dim;
    const float* query = mixed.data + t * mixed.stride + key_head * key_dim;
    const float* key = query + keys;
    const float value = mixed.data[t * mixed.stride + 2 * keys + head * value_dim + c];
    const float decay = expf(-rate[head] * softplus(alphas.data[t * alphas.stride + head] + dt_bias[head]));
    const float beta = 1.0F / (1.0F + expf(-betas.data[t * betas.stride + head]));
    float recalled = 0.0F;
    for (std::int64_t i = 0; i < key_dim; ++i) recalled += key[i] * column[i * value_dim];
    const float change = (value - recalled * decay * unit) * beta * unit;
    float answer = 0.0F;
    for (std::int64_t i = 0; i < key_dim; ++i) {
      const float cell = column[i * value_dim] * decay + key[i] * change;
      column[i * value_dim] = cell;
      answer += query[i] * cell;
    }
    // Of the query's length 1, and of the scale 1 / sqrt(key_dim).
    out.data[t * out.stride + head * value_dim + c] = answer * unit * unit;
  }
};

/// Normalizes every head of a row, `dim` numbers, and multiplies it by SiLU of its gates, in place.
struct GatedNormKernel {
  static constexpr const char* kName = "gated norm";
  NormKind kind;
  float epsilon;
  const float* weight;  ///< nullptr: 1
  std::int64_t dim;
  Matrix gates, out;

  MHUB_HOST_DEVICE std::int64_t items() const { return out.rows * (out.columns / dim); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t heads = out.columns / dim, row = item / heads, first = item % heads * dim;
    float* head = out.data + row * out.stride + first;
    const float* gate = gates.data + row * gates.stride + first;
    const NormStatistics found =
        norm_statistics(kind, epsilon, dim, group, [&](std::int64_t k) { return head[k]; });
    for (std::int64_t k = group.lane(); k < dim; k += group.lanes()) {
      const float value = (head[k] - found.mean) * found.inverse * (weight != nullptr ? weight[k] : 1.0F);
      head[k] = value * activated(ActivationKind::silu, gate[k]);
    }
  }
};

}  // namespace mhub::runtime
