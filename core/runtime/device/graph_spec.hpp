// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "mhub/runtime/device/element.hpp"
#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

// The operations that a device's library computes as one graph each. A specification is everything that a
// plan is built for; two equal ones share a plan. Pointers come when it runs. All tensors are dense.

/// out [tokens, outputs] (float32) = act(in [tokens, inputs] weight [outputs, inputs]^T + bias [outputs]
/// (float32)). With `gated`, weight and bias have as many rows again, whose product (and bias) the activated
/// one is multiplied with.
struct LinearSpec {
  Element element = Element::bf16;  ///< of `in` and `weight`: f16 or bf16
  std::int64_t tokens = 0, inputs = 0, outputs = 0;
  bool bias = false;
  ActivationKind activation = ActivationKind::identity;
  bool gated = false;

  auto operator<=>(const LinearSpec&) const = default;
};
struct LinearOperands {
  const void *in, *weight;
  const float* bias;
  float* out;
};

/// Row by row out = norm(in) * weight + bias; everything is float32.
struct NormSpec {
  NormKind kind = NormKind::rms;
  std::int64_t rows = 0, columns = 0;
  bool bias = false;

  auto operator<=>(const NormSpec&) const = default;
};
struct NormOperands {
  const float *in, *weight, *bias;
  float epsilon;
  float* out;
};

/// out [batch, queries, heads, value_dim] = softmax(scale q k^T + mask) v for q [batch, queries, heads,
/// key_dim] and keys and values in pages [groups, LayerCache::kTokens, dim] whose numbers are in tables
/// [batch, keys / LayerCache::kTokens]. Sequence b has `lengths` queries and keys of its own; its last query
/// sees its last key, every query the keys up to its own (`window` of them). Query head h reads group
/// h / (heads / groups).
struct AttentionSpec {
  Element element = Element::bf16;  ///< of everything but the sinks: f16 or bf16
  std::int64_t batch = 0, queries = 0, keys = 0;
  std::int64_t groups = 0, heads = 0;  ///< heads of all groups
  std::int64_t key_dim = 0, value_dim = 0;
  std::int64_t key_pages = 0, value_pages = 0;  ///< numbers that a table may hold
  std::int64_t window = 0;                      ///< 0: all keys before
  float scale = 1.0F;
  bool sinks = false;  ///< a float32 score per query head that takes part in the softmax

  auto operator<=>(const AttentionSpec&) const = default;
};
struct AttentionOperands {
  const void *queries, *keys, *values;
  const std::int32_t *query_lengths, *key_lengths;
  const std::int32_t *key_tables, *value_tables;
  const float* sinks;
  void* out;
};

/// Whether a graph can have this matrix as a tensor: dense, and aligned as cuDNN expects (16 bytes).
inline bool is_tensor(const Matrix& matrix) {
  return matrix.stride == matrix.columns && reinterpret_cast<std::uintptr_t>(matrix.data) % 16 == 0;
}

/// For messages: "linear bf16 [512, 2048] x [8192, 2048]^T + bias".
std::string to_string(const LinearSpec& spec);
std::string to_string(const NormSpec& spec);
std::string to_string(const AttentionSpec& spec);

/// Tokens or sequences that a graph is built for when `count` of them run: few sizes, so few plans.
std::int64_t padded_count(std::int64_t count);
/// The same for the keys that a sequence may have.
std::int64_t padded_keys(std::int64_t keys);

}  // namespace mhub::runtime
