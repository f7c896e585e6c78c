// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/field_binding.hpp"
#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// The fields that Megatron-LM's `args` and Megatron-Bridge's `run_config.yaml` share, under the names of
/// Megatron-Core's TransformerConfig and MLATransformerConfig dataclasses (transformer_config.py); both ways.
/// Fields that Megatron-Core has no name for travel with an "hf_" prefix, so that a checkpoint describes its
/// model completely. `num_experts_key` is what the number of experts is called.
void bind_megatron_fields(FieldBinding& fields, TransformerConfig& config,
                          const std::string& num_experts_key);

/// Multipliers of embeddings and logits and a scale of attention as Megatron-Core's MuP settings state them,
/// the only ones that it has (transformer_config.py, from 0.17 on): with mup_base_hidden_size at its default,
/// softmax_scale = sqrt(mup_base_head_dim) / kv_channels^mup_attn_scale_power and nothing else changes.
void bind_multipliers(FieldBinding& fields, TransformerConfig& config);

/// YaRN scaling in Megatron-Core's terms (yarn_rotary_pos_embedding.py): cosines and sines are multiplied by
/// m(mscale) / m(mscale_all_dim) with m(x) = 0.1 x ln(factor) + 1.
struct MegatronYarn {
  double factor = 1.0, beta_fast = 32.0, beta_slow = 1.0, mscale = 1.0, mscale_all_dim = 0.0;
  std::int64_t original_max_position_embeddings = 4096;
  bool round_to_int = true;
};
/// Nothing for a model without YaRN. An explicit attention_factor becomes the mscale that gives it.
std::optional<MegatronYarn> megatron_yarn(const TransformerConfig& config);
/// The scaling that a Hugging Face config states for it.
RopeScaling hf_yarn(const MegatronYarn& yarn);

/// What one kind of description calls the settings of rotary scaling; the others have one name everywhere.
struct RotaryScalingNames {
  const char *yarn_factor, *yarn_mscale, *yarn_mscale_all_dim;
  const char* llama3;         ///< a flag
  const char* interpolation;  ///< the factor of linear scaling
  /// The value that rope_scaling_factor has without llama3 scaling, where settings that are off are written
  /// too.
  std::optional<double> factor_when_off;
};
/// position_embedding_type and the scaling of rotary positions, as far as GPTModel has it; both ways.
void bind_rotary_scaling(FieldBinding& fields, TransformerConfig& config, const RotaryScalingNames& names);

/// transformers' tanh approximation of GELU, by any of its names.
bool is_gelu_tanh(const std::string& activation);

}  // namespace mhub
