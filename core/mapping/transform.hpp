// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "mhub/mapping/box.hpp"

namespace mhub {

/// What elements of a tensor are for, where one tensor holds several things.
enum class Role : std::uint8_t {
  whole,  ///< all that the tensor is for
  query,
  key,
  value,
  output_gate,  ///< of attention's output, a gate a query head
  gate,
  up,
  z,  ///< of Mamba's in_proj: the gate, then the state space's input, B, C and time steps
  x,
  B,
  C,
  dt,
  beta,  ///< of a gated delta net's in_proj
  alpha,
};
/// "query", "dt"
std::string_view name_of(Role role);

/// How Megatron spreads a global tensor over tensor-parallel ranks: not at all (every rank has a copy), or
/// along one axis that consists of segments, each of which is cut into TP equal parts on its own.
/// Column-parallel is axis 0 with one segment, gate/up is two, Mamba's in_proj five; row-parallel is axis 1.
struct Partition {
  /// Some indices of each unit of a segment, in a row, that have one role.
  struct Slice {
    Role role = Role::whole;
    std::int64_t length = 0;
    bool operator==(const Slice&) const = default;
  };
  struct Segment {
    // Implicit: most segments are a length and nothing else.
    Segment(std::int64_t length_, Role role_ = Role::whole, std::int64_t unit_ = 1)  // NOLINT
        : length(length_), unit(unit_), role(role_) {}

    std::int64_t length;        ///< along the axis
    std::int64_t unit;          ///< a rank's part must be a multiple of this (a query group, a head)
    Role role;                  ///< of all of it; Role::whole, too, where its units are interleaved
    std::vector<Slice> slices;  ///< what each unit consists of, where that is several things (linear_qkv)
    bool operator==(const Segment&) const = default;
  };

  int axis = -1;                  ///< -1: replicated
  std::vector<Segment> segments;  ///< their lengths sum to the axis' size
  bool vocabulary = false;        ///< axis 0 counts tokens and may be padded in a stored checkpoint

  bool replicated() const { return axis < 0; }
  bool operator==(const Partition&) const = default;
};

/// The elements of a tensor that have one role, as a dense tensor of their own.
struct RolePart {
  Role role = Role::whole;
  Shape shape;
  Box box;  ///< the tensor's elements -> the part's
};
/// The parts of a tensor that is fused of several (linear_qkv, linear_fc1 with a gate, in_proj), in the order
/// in which they come first; none for a tensor that is one thing.
std::vector<RolePart> role_parts(const Shape& shape, const Partition& partition);

/// One Hugging Face tensor that takes part in a rule, and which of its elements go where in the Megatron
/// tensor.
struct Operand {
  std::string name;            ///< pattern: index variables as {i}
  Shape shape;                 ///< as published
  std::vector<Box> boxes;      ///< this tensor's elements -> the canonical tensor's
  std::string stack_variable;  ///< set by `stacked`: axis 0 of `shape` runs over this index variable
  /// Elements that the canonical tensor has once more, where Megatron's model does not look at them
  /// (Term::Kind::filler).
  std::vector<Box> fillers = {};
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
  /// Elements of the canonical tensor that no Hugging Face tensor has: they are zero. A box of elements to
  /// themselves.
  std::vector<Box> zeros = {};
  /// Where Megatron's local specs cut what TransformerEngine's keep whole.
  std::optional<Partition> local_partition = {};
};

// The functions below make transforms. `hf` are name patterns; alternatives in braces name several tensors at
// once: "model.layers.{i}.self_attn.{q,k,v}_proj.weight". A wrong number of names is a std::logic_error.

/// The same tensor, a copy on every tensor-parallel rank.
Transform replicated(std::string_view hf, const Shape& shape);
/// The same elements as one axis, a copy on every tensor-parallel rank.
Transform flattened(std::string_view hf, const Shape& shape);
/// The same tensor, a copy on every rank with TransformerEngine's modules and split along axis 0 with local
/// ones (the down projections of latent attention: gpt_layer_specs.py, linear and column_parallel_linear).
Transform replicated_or_column(std::string_view hf, const Shape& shape);
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
  std::int64_t value = 0;   ///< of a value head, where it is not `dim`
  std::int64_t value_dim() const { return value > 0 ? value : dim; }
};
/// Megatron's linear_qkv from q, k and v: per query group its query heads, then its key, then its value head
/// (Megatron-Core attention.py, get_query_key_value_tensors). `inner` is {hidden_size}, or {} for the bias.
Transform qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner);
/// The same from one tensor [Q; K; V] (GPT-2's c_attn after its transpose, Phi-3's qkv_proj).
Transform fused_qkv(std::string_view hf, const AttentionHeads& heads, const Shape& inner);

/// The same of attention whose values are its keys: value heads repeat the key heads, and nobody looks at
/// them (Megatron-Bridge's models/gemma/gemma4_bridge.py, maybe_modify_loaded_hf_weight).
Transform tied_qkv(std::string_view hf_q_k, const AttentionHeads& heads, const Shape& inner);

/// The same of a layer that takes keys and values from another one: zeros in their place (ibid.).
Transform query_alone(std::string_view hf_q, const AttentionHeads& heads, const Shape& inner);
/// A tensor that nobody looks at, where Hugging Face has none: a copy of another one of that shape, dropped
/// on the way back.
Transform filled(std::string_view hf, const Shape& shape);

/// linear_qkv of attention with an output gate, from q, k and v, where q holds [query; gate] of each head:
/// per query group its query heads, their gates, its key and its value head (Megatron-Core attention.py,
/// get_query_key_value_tensors with output_gate).
Transform gated_qkv(std::string_view hf_q_k_v, const AttentionHeads& heads, const Shape& inner);

// Modifiers: they change how the operands are stored on the Hugging Face side.

/// Hugging Face stores a norm's weight as it multiplies, Megatron minus one (zero-centred). The only value
/// change that is not a cast; conversion picks an element type in which it is exact (plan.hpp).
Transform zero_centered(Transform transform);

/// The operands are stored with their two axes swapped (transformers' Conv1D keeps [in, out]).
Transform transposed(Transform transform);
/// The operands are stacked on a new first axis over an index variable: HF's [experts, ...] tensors against
/// Megatron's tensor per expert.
Transform stacked(Transform transform, const std::string& variable, std::int64_t count);

/// A transform from views, for what has no name above. `partition` is of the canonical shape.
Transform custom(std::string kind, std::vector<Operand> operands, const Shape& shape, Partition partition);

/// [rows, inner...]
Shape with_rows(std::int64_t rows, const Shape& inner);
/// A partition along `axis` with the given segments (one covering segment when empty).
Partition split_axis(int axis, const Shape& shape, std::vector<Partition::Segment> segments = {});
/// That of linear_fc1 with a gate: [gate; up] along axis 0.
Partition gate_up_partition(const Shape& shape);
/// That of linear_qkv: query groups along axis 0, each its query heads, a key and a value head.
Partition qkv_partition(const AttentionHeads& heads, const Shape& shape);

}  // namespace mhub
