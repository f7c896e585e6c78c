// SPDX-License-Identifier: Apache-2.0
#include "bailing.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::bailing {

BailingMoeV2Config::BailingMoeV2Config() {
  vocab_size = 157184;
  hidden_size = 2048;
  intermediate_size = 5120;
  num_hidden_layers = 20;
  num_attention_heads = 16;
  num_key_value_heads = 4;
  head_dim = 128;
  max_position_embeddings = 32768;
  rotary.theta = 600000.0;
}

void BailingMoeV2Config::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  TransformerConfig& m = b.megatron;
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "num_shared_experts", num_shared_experts);
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok, "score_function");
  b.require("moe_router_enable_expert_bias", true);
  b.boolean("use_qkv_bias", use_qkv_bias, m.add_qkv_bias);
  b.boolean("use_qk_norm", use_qk_norm, m.qk_layernorm);
  b.require("use_bias", false);
  bind_prediction_blocks(b, num_nextn_predict_layers);
}

Mapping BailingMoeV2ForCausalLM::mapping(const BailingMoeV2Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.embedding = "model.word_embeddings";
  names.qkv = "attention.query_key_value";
  names.q_norm = "attention.query_layernorm";
  names.k_norm = "attention.key_layernorm";
  names.proj = "attention.dense";
  MoeNames moe;
  moe.correction_bias = "mlp.gate.expert_bias";
  Mapping map = moe_decoder_mapping(megatron, names, moe);
  add_mtp(map, megatron, names, mtp_names(megatron, names));
  return map;
}

}  // namespace mhub::bailing

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "bailing";
  registrar.about = "Ling 2, Ring 2";
  registrar.add<mhub::bailing::BailingMoeV2ForCausalLM>();
}
