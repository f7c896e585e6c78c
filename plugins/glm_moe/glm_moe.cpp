// SPDX-License-Identifier: Apache-2.0
#include "glm_moe.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::glm_moe {

Glm4MoeConfig::Glm4MoeConfig() {
  vocab_size = 151552;
  intermediate_size = 10944;
  num_hidden_layers = 46;
  num_attention_heads = 96;
  num_key_value_heads = 8;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  rotary.partial_factor = 0.5;
}

void Glm4MoeConfig::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  TransformerConfig& m = b.megatron;
  MoeConfig& moe = moe_config(b);
  b.positive("n_routed_experts", n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "n_shared_experts", n_shared_experts);
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.boolean("use_qk_norm", use_qk_norm, m.qk_layernorm);
  bind_prediction_blocks(b, num_nextn_predict_layers);
}

Mapping Glm4MoeForCausalLM::mapping(const Glm4MoeConfig&, const TransformerConfig& megatron) {
  Mapping map = moe_decoder_mapping(megatron, {}, {});
  add_mtp(map, megatron, {});
  return map;
}

SolarOpenConfig::SolarOpenConfig() {
  vocab_size = 196608;
  num_hidden_layers = 48;
  num_attention_heads = 64;
  head_dim = 128;
  moe_intermediate_size = 1280;
  first_k_dense_replace = 0;
  rotary.partial_factor = 1.0;
  rotary.theta = 1e6;
}

void SolarOpenConfig::bind(ConfigBinding& b) {
  Glm4MoeConfig::bind(b);
  // transformers does not look at these.
  b.check(first_k_dense_replace == 0, "first_k_dense_replace", "unsupported: other than 0");
  b.require("use_qk_norm", false);
}

Mapping SolarOpenForCausalLM::mapping(const SolarOpenConfig& config, const TransformerConfig& megatron) {
  return Glm4MoeForCausalLM::mapping(config, megatron);
}

}  // namespace mhub::glm_moe

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "glm_moe";
  registrar.about = "GLM-4.5, 4.6, 4.7, Solar Open";
  registrar.add<mhub::glm_moe::Glm4MoeForCausalLM>();
  registrar.add<mhub::glm_moe::SolarOpenForCausalLM>();
}
