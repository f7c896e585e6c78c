// SPDX-License-Identifier: Apache-2.0
#include "mixtral.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::mixtral {

MixtralConfig::MixtralConfig() {
  intermediate_size = 14336;
  num_key_value_heads = 8;
  max_position_embeddings = 4096 * 32;
  norm_eps = 1e-5;
  rotary.theta = 1e6;
}

void MixtralConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.optional("sliding_window", sliding_window, b.megatron.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
  b.link(intermediate_size, moe.ffn_hidden_size);
  // transformers divides the chosen experts' weights by their sum: a softmax over them alone.
  b.fixed(moe.router_pre_softmax, false);
}

Mapping MixtralForCausalLM::mapping(const MixtralConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "block_sparse_moe.gate.weight";
  moe.fc1 = "block_sparse_moe.experts.{e}.{w1,w3}.weight";
  moe.fc2 = "block_sparse_moe.experts.{e}.w2.weight";
  Mapping map = moe_decoder_mapping(megatron, {}, moe);
  map.also_spelled(".block_sparse_moe.", ".mlp.");  // transformers 5's module
  return map;
}

}  // namespace mhub::mixtral

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "mixtral";
  registrar.about = "Mixtral 8x7B, 8x22B";
  registrar.add<mhub::mixtral::MixtralForCausalLM>();
}
