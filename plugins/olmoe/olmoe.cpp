// SPDX-License-Identifier: Apache-2.0
#include "olmoe.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::olmoe {

OlmoeConfig::OlmoeConfig() {
  vocab_size = 50304;
  hidden_size = intermediate_size = 2048;
  num_hidden_layers = num_attention_heads = 16;
  max_position_embeddings = 4096;
  norm_eps = 1e-5;
}

void OlmoeConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.link(intermediate_size, moe.ffn_hidden_size);
  b.boolean("norm_topk_prob", norm_topk_prob);
  b.fixed(moe.router_pre_softmax, !norm_topk_prob);
  if (b.from_megatron()) norm_topk_prob = !moe.router_pre_softmax;
  b.require("attention_bias", false);
  b.require("clip_qkv", nullptr);
  b.fixed(b.megatron.qk_layernorm, true);
  b.fixed(b.megatron.qk_layernorm_over_heads, true);
}

Mapping OlmoeForCausalLM::mapping(const OlmoeConfig&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, {}, {});
}

}  // namespace mhub::olmoe

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "olmoe";
  registrar.about = "OLMoE";
  registrar.add<mhub::olmoe::OlmoeForCausalLM>();
}
