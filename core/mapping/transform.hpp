// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/mapping/box.hpp"
#include "mhub/mapping/partition.hpp"
#include "mhub/mapping/view.hpp"
#include "mhub/tensor/shape.hpp"

namespace mhub {

/// One Hugging Face tensor that takes part in a rule, and which of its elements go where in the Megatron
/// tensor.
struct Operand {
  std::string name;            ///< pattern: index variables as {i}
  Shape shape;                 ///< as published
  std::vector<Box> boxes;      ///< this tensor's elements -> the canonical tensor's
  std::string stack_variable;  ///< set by `stacked`: axis 0 of `shape` runs over this index variable
};

/// The index map of a rule: how one Megatron tensor (global, canonical) is made of Hugging Face tensors, and
/// how it is partitioned. A transform is data; being made of boxes it can be inverted, composed, sliced and
/// printed.
struct Transform {
  std::string kind;  ///< for people: "qkv", "gated", ...
  std::vector<Operand> operands;
  Shape shape;  ///< of the canonical tensor
  Partition partition;
  double added = 0;  ///< to every value on the way to Megatron
};

// The functions below make transforms. `hf` are name patterns; alternatives in braces name several tensors at
// once: "model.layers.{i}.self_attn.{q,k,v}_proj.weight". A wrong number of names is a std::logic_error.

/// The same tensor, a copy on every tensor-parallel rank.
Transform replicated(std::string_view hf, const Shape& shape);
/// The same tensor, split along axis 0 (ColumnParallelLinear weight and bias).
Transform column(std::string_view hf, const Shape& shape);
/// The same tensor, split along axis 1 (RowParallelLinear weight).
Transform row(std::string_view hf, const Shape& shape);
/// The same tensor, split along axis 0, which counts tokens: embedding and output layer.
Transform vocabulary(std::string_view hf, const Shape& shape);
/// The same tensor, split as told.
Transform partitioned(std::string_view hf, const Shape& shape, Partition partition);
/// Tensors joined along axis 0, each a segment of its own under tensor parallelism ([gate; up], Mamba's
/// in_proj). `rows` are their axis-0 sizes, `inner` the remaining axes (empty for a bias).
Transform concatenated(std::string_view hf, const std::vector<std::int64_t>& rows, const Shape& inner);
/// concatenated for a gated pair such as SwiGLU's: [gate; up], `rows` each.
Transform gated(std::string_view hf_gate_up, std::int64_t rows, const Shape& inner);

/// The head counts that QKV interleaving depends on.
struct AttentionHeads {
  std::int64_t query = 0;   ///< num_attention_heads
  std::int64_t groups = 0;  ///< num_query_groups (key/value heads); divides `query`
  std::int64_t dim = 0;     ///< kv_channels
};
/// Megatron's linear_qkv from q, k and v: per query group its query heads, then its key, then its value head
/// (Megatron-Core attention.py, get_query_key_value_tensors). `inner` is {hidden_size}, or {} for the bias.
Transform qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner);
/// The same from one tensor [Q; K; V] (GPT-2's c_attn after its transpose, Phi-3's qkv_proj).
Transform fused_qkv(std::string_view hf, const AttentionHeads& heads, const Shape& inner);

/// linear_qkv of attention with an output gate, from q, k and v, where q holds [query; gate] of each head:
/// per query group its query heads, their gates, its key and its value head (Megatron-Core attention.py,
/// get_query_key_value_tensors with output_gate).
Transform gated_qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner);

// Modifiers: they change how the operands are stored on the Hugging Face side.

/// Hugging Face stores a norm's weight as it multiplies, Megatron minus one (zero-centred). The only value
/// change that is not a cast; conversion picks an element type in which it is exact (exact_dtype.hpp).
Transform zero_centered(Transform transform);

/// The operands are stored with their two axes swapped (transformers' Conv1D keeps [in, out]).
Transform transposed(Transform transform);
/// The operands are stacked on a new first axis over an index variable: HF's [experts, ...] tensors against
/// Megatron's tensor per expert.
Transform stacked(Transform transform, const std::string& variable, std::int64_t count);

/// A transform from views, for what has no name above. `partition` is of the canonical shape.
Transform custom(std::string kind, std::vector<Operand> operands, const Shape& shape, Partition partition);

/// A partition along `axis` with the given segments (one covering segment when empty).
Partition split_axis(int axis, const Shape& shape, std::vector<Partition::Segment> segments = {});
/// That of linear_fc1 with a gate: [gate; up] along axis 0.
Partition gate_up_partition(const Shape& shape);
/// That of linear_qkv: query groups along axis 0, each its query heads, a key and a value head.
Partition qkv_partition(const AttentionHeads& heads, const Shape& shape);

}  // namespace mhub
