// SPDX-License-Identifier: Apache-2.0
#include "bailing.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::bailing {
namespace {

DecoderNames decoder_names() {
  DecoderNames names;
  names.embedding = "model.word_embeddings";
  names.qkv = "attention.query_key_value";
  names.q_norm = "attention.query_layernorm";
  names.k_norm = "attention.key_layernorm";
  names.proj = "attention.dense";
  return names;
}

}  // namespace

BailingMoeConfig::BailingMoeConfig() {
  vocab_size = 30592;
  hidden_size = 1024;
  intermediate_size = 0;
  num_hidden_layers = 24;
  num_attention_heads = 16;
  max_position_embeddings = 16384;
}

void BailingMoeConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "num_shared_experts", num_shared_experts);
  bind_several_softmax_router(b, norm_topk_prob, num_experts_per_tok);
  b.boolean("use_qkv_bias", use_qkv_bias, b.megatron.add_qkv_bias);
  for (const char* key : {"use_bias", "norm_head", "norm_softmax", "multi_gate", "use_sliding_window"})
    b.require(key, false);
}

Mapping BailingMoeForCausalLM::mapping(const BailingMoeConfig&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, decoder_names(), {});
}

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
  const DecoderNames names = decoder_names();
  MoeNames moe;
  moe.correction_bias = "mlp.gate.expert_bias";
  Mapping map = moe_decoder_mapping(megatron, names, moe);
  add_mtp(map, megatron, names, mtp_names(megatron, names));
  return map;
}

SarvamMoEConfig::SarvamMoEConfig() {
  vocab_size = 262144;
  hidden_size = 4096;
  intermediate_size = 8192;
  num_hidden_layers = 19;
  head_dim = 256;
  max_position_embeddings = 4096;
  initializer_range = 0.006;
  rotary.theta = 10000.0;
  num_experts = 128;
  num_experts_per_tok = 6;
  moe_intermediate_size = 1024;
  n_group = topk_group = 1;
  routed_scaling_factor = 2.5;
}

void SarvamMoEConfig::bind(ConfigBinding& b) {
  BailingMoeV2Config::bind(b);
  // modeling_sarvam_moe.py takes no notice of these.
  b.require("partial_rotary_factor", 1.0);
  b.require("num_nextn_predict_layers", 0);
}

Mapping SarvamMoEForCausalLM::mapping(const SarvamMoEConfig& config, const TransformerConfig& megatron) {
  return BailingMoeV2ForCausalLM::mapping(config, megatron);
}

}  // namespace mhub::bailing

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "bailing";
  registrar.about = "Ling and Ring, 1 and 2, Sarvam 30B";
  registrar.add<mhub::bailing::BailingMoeForCausalLM>();
  registrar.add<mhub::bailing::BailingMoeV2ForCausalLM>();
  registrar.add<mhub::bailing::SarvamMoEForCausalLM>();
}
