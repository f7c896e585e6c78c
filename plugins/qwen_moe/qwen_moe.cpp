// SPDX-License-Identifier: Apache-2.0
#include "qwen_moe.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::qwen_moe {

void QwenMoeConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.also_called("num_experts", "num_local_experts");  // transformers 5 writes the second
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  bind_softmax_router(b, norm_topk_prob);
  bind_sparse_layers(b, decoder_sparse_step, mlp_only_layers, num_hidden_layers);
  b.require("use_sliding_window", false);
}

Qwen2MoeConfig::Qwen2MoeConfig() {
  vocab_size = 151936;
  hidden_size = 2048;
  intermediate_size = 5632;
  num_hidden_layers = 24;
  num_attention_heads = num_key_value_heads = 16;
  max_position_embeddings = 32768;
  num_experts = 60;
  num_experts_per_tok = 4;
  moe_intermediate_size = 1408;
}

void Qwen2MoeConfig::bind(ConfigBinding& b) {
  QwenMoeConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("shared_expert_intermediate_size", shared_expert_intermediate_size,
             moe.shared_expert_intermediate_size);
  b.boolean("qkv_bias", qkv_bias, b.megatron.add_qkv_bias);
  b.fixed(moe.shared_expert_gate, true);
}

Mapping Qwen2MoeForCausalLM::mapping(const Qwen2MoeConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.shared_fc1 = "mlp.shared_expert.{gate,up}_proj.weight";
  moe.shared_fc2 = "mlp.shared_expert.down_proj.weight";
  return moe_decoder_mapping(megatron, {}, moe);
}

Qwen3MoeConfig::Qwen3MoeConfig() {
  vocab_size = 151936;
  hidden_size = 2048;
  intermediate_size = 6144;
  num_hidden_layers = 24;
  num_key_value_heads = 4;
  max_position_embeddings = 32768;
}

void Qwen3MoeConfig::bind(ConfigBinding& b) {
  QwenMoeConfig::bind(b);
  b.require("attention_bias", false);
  b.fixed(b.megatron.qk_layernorm, true);
}

Mapping Qwen3MoeForCausalLM::mapping(const Qwen3MoeConfig&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, {}, {});
}

}  // namespace mhub::qwen_moe

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "qwen_moe";
  registrar.about = "Qwen1.5-MoE, Qwen2-MoE, Qwen3-MoE";
  registrar.add<mhub::qwen_moe::Qwen2MoeForCausalLM>();
  registrar.add<mhub::qwen_moe::Qwen3MoeForCausalLM>();
}
