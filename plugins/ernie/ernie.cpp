// SPDX-License-Identifier: Apache-2.0
#include "ernie.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::ernie {

Ernie4_5Config::Ernie4_5Config() {
  vocab_size = 103424;
  hidden_size = 1024;
  intermediate_size = 3072;
  num_hidden_layers = 18;
  num_attention_heads = 16;
  num_key_value_heads = 2;
  head_dim = 128;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  tie_word_embeddings = true;
  rotary.theta = 500000.0;
}

void Ernie4_5Config::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  b.boolean("use_bias", use_bias, b.megatron.add_bias_linear);
  b.fixed(b.megatron.add_qkv_bias, use_bias);
  b.fixed(b.megatron.rotary_interleaved, true);
}

Mapping Ernie4_5ForCausalLM::mapping(const Ernie4_5Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

Ernie4_5_MoeConfig::Ernie4_5_MoeConfig() {
  vocab_size = 103424;
  hidden_size = 2560;
  intermediate_size = 12288;
  num_hidden_layers = 28;
  num_attention_heads = 20;
  num_key_value_heads = 4;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  tie_word_embeddings = true;
  rotary.theta = 500000.0;
}

void Ernie4_5_MoeConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("moe_num_experts", moe_num_experts, moe.num_experts);
  b.positive("moe_k", moe_k, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  bind_shared_experts(b, "moe_num_shared_experts", moe_num_shared_experts);
  bind_layers(b);
  b.require("use_bias", false);
  b.require("moe_norm_min", 1e-12);  // what a sum of weights is at least: no sum of scores is as small
  b.fixed(moe.router_enable_expert_bias, true);
  b.fixed(moe.router_fp32, true);
  b.fixed(b.megatron.rotary_interleaved, true);
}

void Ernie4_5_MoeConfig::bind_layers(ConfigBinding& b) {
  std::vector<std::int64_t>& freq = moe_config(b).layer_freq;
  if (b.from_megatron()) {
    const Layers sparse = moe_layers(b.megatron);
    moe_layer_start_index = sparse.empty() ? num_hidden_layers : sparse.front();
    moe_layer_end_index = sparse.empty() ? num_hidden_layers - 1 : sparse.back();
    moe_layer_interval = sparse.size() > 1 ? sparse[1] - sparse[0] : 1;
  }
  b.integer("moe_layer_start_index", moe_layer_start_index);
  b.integer("moe_layer_end_index", moe_layer_end_index);
  b.positive("moe_layer_interval", moe_layer_interval);
  if (moe_layer_end_index == -1) moe_layer_end_index = num_hidden_layers - 1;
  if (!b.to_megatron()) return;
  // modeling_ernie4_5_moe.py, Ernie4_5_MoeDecoderLayer
  for (std::int64_t i = 0; i < num_hidden_layers; ++i) {
    const bool sparse = (i + 1) % moe_layer_interval == 0 && i >= moe_layer_start_index;
    freq.push_back(sparse && i <= moe_layer_end_index ? 1 : 0);
  }
}

Mapping Ernie4_5_MoeForCausalLM::mapping(const Ernie4_5_MoeConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.correction_bias = "mlp.moe_statics.e_score_correction_bias";
  moe.correction_is_row = true;
  Mapping map = moe_decoder_mapping(megatron, {}, moe);
  map.also_spelled(".mlp.moe_statics.", ".mlp.gate.moe_statics.");  // transformers 5's module
  return map;
}

}  // namespace mhub::ernie

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "ernie";
  registrar.about = "ERNIE 4.5 (text)";
  registrar.add<mhub::ernie::Ernie4_5ForCausalLM>();
  registrar.add<mhub::ernie::Ernie4_5_MoeForCausalLM>();
  // As the first releases, with code of their own, called it.
  registrar.add_alias<mhub::ernie::Ernie4_5ForCausalLM>("Ernie4_5_ForCausalLM", "Ernie4_5_Config",
                                                        "ernie4_5");
}
