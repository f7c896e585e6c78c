// SPDX-License-Identifier: Apache-2.0
// What the entries of field_table.cpp need code for.
#pragma once

#include "mhub/config/fields.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {

/// Reads a list with one entry a layer, or makes it of an integer that stands in its place: `entry(i,
/// every)`.
void read_layers(const FieldBinding& f, const std::string& key, std::int64_t layers,
                 std::int64_t (*entry)(std::int64_t layer, std::int64_t every),
                 std::vector<std::int64_t>& list);

/// A list with one entry a layer says the same as an absent one where all entries are `everywhere`.
std::vector<std::int64_t> list_meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere);

/// Whether queries grow with their position in any layer.
bool has_temperature(const TransformerConfig& config);
/// Whether the model needs Megatron-Core's MuP settings.
bool has_multipliers(const TransformerConfig& config);

Bind bind_moe, bind_latent_attention, bind_linear_attention, bind_mamba, bind_query_groups, bind_vocabulary;
Bind bind_epsilon, bind_rotary_base, bind_window, bind_moe_layers, bind_group_score, bind_router_dtype;
Bind bind_aux_loss, bind_tied_embeddings;
/// Images as input, under names that begin with "hf_": Megatron-LM's own arguments for them (img_h, patch_dim
/// ...) have values in every checkpoint, whatever the model, and say nothing of the tower's sizes (they are
/// constants of examples/multimodal/config.py). The arguments that examples/multimodal reads are written too.
Bind bind_image, bind_vision;
/// position_embedding_type and the scaling of rotary positions.
Bind bind_positions;
/// The function, and in args whether it has a gate.
Bind bind_activation;
/// Multipliers of embeddings and logits and a scale of attention as Megatron-Core's MuP settings state them,
/// the only ones that it has (transformer_config.py, from 0.17 on): with mup_base_hidden_size at its default,
/// softmax_scale = sqrt(mup_base_head_dim) / kv_channels^mup_attn_scale_power and nothing else changes.
Bind bind_multipliers;

Note add_vision_flags, add_rope_flags, add_window_flag, add_gelu_flag, add_multiplier_flags,
    add_rope_type_flags;
Note add_gate_flag;
Note add_vision_limits, add_rope_limits, add_activation_limits, add_latent_yarn_limit, add_group_score_limit;
Note add_temperature_limit;

}  // namespace mhub
