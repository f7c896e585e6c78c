// SPDX-License-Identifier: Apache-2.0
// What the entries of field_table.cpp need code for.
#pragma once

#include "mhub/config/fields.hpp"

namespace mhub {

/// YaRN scaling in Megatron-Core's terms (yarn_rotary_pos_embedding.py): cosines and sines are multiplied by
/// m(mscale) / m(mscale_all_dim) with m(x) = 0.1 x ln(factor) + 1.
struct MegatronYarn {
  double factor = 1.0, beta_fast = 32.0, beta_slow = 1.0, mscale = 1.0, mscale_all_dim = 0.0;
  std::int64_t original_max_position_embeddings = 4096;
  bool round_to_int = true;
};
/// Nothing for a model without YaRN. An explicit attention_factor becomes the mscale that gives it.
std::optional<MegatronYarn> megatron_yarn(const TransformerConfig& config);

/// Reads a list with one entry a layer, or makes it of an integer that stands in its place: `entry(i,
/// every)`.
void read_layers(const FieldBinding& f, const std::string& key, std::int64_t layers,
                 std::int64_t (*entry)(std::int64_t layer, std::int64_t every),
                 std::vector<std::int64_t>& list);

/// The shortest text that reads back.
std::string shortest(double value);

/// A list with one entry a layer says the same as an absent one where all entries are `everywhere`.
std::vector<std::int64_t> list_meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere);

/// Whether queries grow with their position in any layer.
bool has_temperature(const TransformerConfig& config);
/// Whether the model needs Megatron-Core's MuP settings.
bool has_multipliers(const TransformerConfig& config);

// Field::bind
/// Images as input, under names that begin with "hf_": Megatron-LM's own arguments for them (img_h, patch_dim
/// ...) have values in every checkpoint, whatever the model, and say nothing of the tower's sizes (they are
/// constants of examples/multimodal/config.py). The arguments that examples/multimodal reads are written too.
void bind_image(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_vision(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_moe(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_latent_attention(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_linear_attention(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_mamba(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_query_groups(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_vocabulary(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_epsilon(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_rotary_base(FieldBinding& f, TransformerConfig& c, Dialect dialect);
/// position_embedding_type and the scaling of rotary positions.
void bind_positions(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_window(FieldBinding& f, TransformerConfig& c, Dialect dialect);
/// The function, and in args whether it has a gate.
void bind_activation(FieldBinding& f, TransformerConfig& c, Dialect dialect);
/// Multipliers of embeddings and logits and a scale of attention as Megatron-Core's MuP settings state them,
/// the only ones that it has (transformer_config.py, from 0.17 on): with mup_base_hidden_size at its default,
/// softmax_scale = sqrt(mup_base_head_dim) / kv_channels^mup_attn_scale_power and nothing else changes.
void bind_multipliers(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_moe_layers(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_group_score(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_router_dtype(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_aux_loss(FieldBinding& f, TransformerConfig& c, Dialect dialect);
void bind_tied_embeddings(FieldBinding& f, TransformerConfig& c, Dialect dialect);

// Field::add_flags
void add_vision_flags(Lines& flags, const TransformerConfig& c);
void add_rope_flags(Lines& flags, const TransformerConfig& c);
void add_window_flag(Lines& flags, const TransformerConfig& c);
void add_gelu_flag(Lines& flags, const TransformerConfig& c);
void add_multiplier_flags(Lines& flags, const TransformerConfig& c);
void add_rope_type_flags(Lines& flags, const TransformerConfig& c);
void add_gate_flag(Lines& flags, const TransformerConfig& c);

// Field::add_limits
void add_vision_limits(Lines& limits, const TransformerConfig& c);
void add_rope_limits(Lines& limits, const TransformerConfig& c);
void add_activation_limits(Lines& limits, const TransformerConfig& c);
void add_latent_yarn_limit(Lines& limits, const TransformerConfig& c);
void add_group_score_limit(Lines& limits, const TransformerConfig& c);
void add_temperature_limit(Lines& limits, const TransformerConfig& c);

}  // namespace mhub
