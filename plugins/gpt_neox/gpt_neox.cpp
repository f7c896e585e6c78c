// SPDX-License-Identifier: Apache-2.0
#include "gpt_neox.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::gpt_neox {

GPTNeoXConfig::GPTNeoXConfig()
    : DecoderConfig{.vocab_size = 50432,
                    .hidden_size = 6144,
                    .intermediate_size = 24576,
                    .num_hidden_layers = 44,
                    .num_attention_heads = 64,
                    .norm_eps = 1e-5,
                    .hidden_act = "gelu",
                    .rotary = {.partial_factor = 0.25, .scaling = {}}} {}

void GPTNeoXConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.num_key_value_heads.clear();
  keys.head_dim.clear();
  keys.norm_eps = "layer_norm_eps";
  keys.hidden_dropout = "hidden_dropout";
  keys.rotary = {"rotary_emb_base", "rotary_pct"};
  DecoderConfig::bind(b, keys);
  b.boolean("use_parallel_residual", use_parallel_residual, m.parallel_residual);
  b.require("attention_bias", true);
  fix_layer_norm_and_plain_mlp(b, true);
}

Mapping GPTNeoXForCausalLM::mapping(const GPTNeoXConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.base_prefix = "gpt_neox.";
  names.embedding = "gpt_neox.embed_in";
  names.layer = "gpt_neox.layers.{i}.";
  names.final_norm = "gpt_neox.final_layer_norm";
  names.output_layer = "embed_out";
  names.qkv = "attention.query_key_value";
  names.qkv_order = FusedOrder::megatron;
  names.proj = "attention.dense";
  names.fc1 = "mlp.dense_h_to_4h";
  names.fc2 = "mlp.dense_4h_to_h";
  Mapping map = decoder_mapping(megatron, names);
  map.ignore("*layers.*.attention.bias", "causal mask buffer");
  map.ignore("*layers.*.attention.masked_bias", "causal mask buffer");
  return map;
}

}  // namespace mhub::gpt_neox

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "gpt_neox";
  registrar.about = "GPT-NeoX, Pythia, Dolly";
  registrar.add<mhub::gpt_neox::GPTNeoXForCausalLM>();
}
