// SPDX-License-Identifier: Apache-2.0
#include "minimax.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::minimax {

MiniMaxM2Config::MiniMaxM2Config() {
  vocab_size = 200064;
  hidden_size = 3072;
  intermediate_size = 1536;
  num_hidden_layers = 62;
  num_attention_heads = 48;
  num_key_value_heads = 8;
  head_dim = 128;
  max_position_embeddings = 196608;
  rotary.theta = 5e6;
}

void MiniMaxM2Config::bind(ConfigBinding& b) {
  bind_rotary_dim(b);
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  MoeConfig& moe = moe_config(b);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.link(intermediate_size, moe.ffn_hidden_size);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.require("use_routing_bias", true);
  b.require("shared_intermediate_size", 0);
  b.require("use_qk_norm", true);
  b.require("qk_norm_type", "per_layer");
  b.fixed(b.megatron.qk_layernorm, true);
  b.fixed(b.megatron.qk_layernorm_over_heads, true);
}

void MiniMaxM2Config::bind_rotary_dim(ConfigBinding& b) {
  // The published configs have "rotary_dim", which the models' own code and vLLM take; transformers 5.12
  // looks for the share of a head only.
  if (!b.reading() || !b.reader().has("rotary_dim")) return;
  const std::int64_t head = b.reader().positive("head_dim", head_dim);
  const std::int64_t rotated = b.reader().positive("rotary_dim");
  b.check(rotated <= head, "rotary_dim", "expected head_dim at most");
  b.absent_means("partial_rotary_factor", static_cast<double>(rotated) / static_cast<double>(head));
}

Mapping MiniMaxM2ForCausalLM::mapping(const MiniMaxM2Config&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "block_sparse_moe.gate.weight";
  moe.correction_bias = "block_sparse_moe.e_score_correction_bias";
  moe.fc1 = "block_sparse_moe.experts.{e}.{w1,w3}.weight";
  moe.fc2 = "block_sparse_moe.experts.{e}.w2.weight";
  Mapping map = moe_decoder_mapping(megatron, {}, moe);
  map.also_spelled(".block_sparse_moe.", ".mlp.");  // transformers 5's module
  return map;
}

}  // namespace mhub::minimax

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "minimax";
  registrar.about = "MiniMax-M2";
  registrar.add<mhub::minimax::MiniMaxM2ForCausalLM>();
}
