// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// Where the tensors of multi-head latent attention are in the Hugging Face state, relative to
/// DecoderNames::layer, without ".weight".
struct MlaNames {
  std::string q = "self_attn.q_proj";  ///< without q_lora_rank
  std::string q_down = "self_attn.q_a_proj", q_norm = "self_attn.q_a_layernorm",
              q_up = "self_attn.q_b_proj";  ///< with it
  std::string kv_down = "self_attn.kv_a_proj_with_mqa", kv_norm = "self_attn.kv_a_layernorm",
              kv_up = "self_attn.kv_b_proj";
};

/// The norm before attention and Megatron-Core's MLASelfAttention (multi_latent_attention.py) in every layer.
/// Its down projections are whole on every rank; the norms behind them are fused into the up projections, and
/// the one before attention is a module of its own, in TransformerEngine's spec too (gpt_layer_specs.py).
void add_latent_attention(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
                          const MlaNames& mla = {});

}  // namespace mhub
