// SPDX-License-Identifier: Apache-2.0
#include "llama_like.hpp"

#include "mhub/rules/decoder_rules.hpp"

namespace mhub::llama {

SmolLM3Config::SmolLM3Config() {
  vocab_size = 128256;
  hidden_size = 2048;
  num_hidden_layers = 36;
  num_attention_heads = 16;
  num_key_value_heads = 4;
  max_position_embeddings = 32768;
  tie_word_embeddings = true;
  rotary.theta = 2e6;
}

void SmolLM3Config::bind(ConfigBinding& b) {
  LlamaConfig::bind(b);
  b.require("use_sliding_window", false);
  bind_no_rope_layers(b, no_rope_layers, num_hidden_layers);
}

Mapping SmolLM3ForCausalLM::mapping(const SmolLM3Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

SeedOssConfig::SeedOssConfig() {
  vocab_size = 155136;
  intermediate_size = 27648;
  num_hidden_layers = 64;
  num_attention_heads = 80;
  num_key_value_heads = 8;
  max_position_embeddings = 524288;
  head_dim = 128;
  attention_dropout = hidden_dropout = 0.1;
}

void SeedOssConfig::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.hidden_dropout = "residual_dropout";
  DecoderConfig::bind(b, keys);
  b.boolean("attention_bias", attention_bias, b.megatron.add_qkv_bias);
  b.boolean("attention_out_bias", attention_out_bias, b.megatron.attention_proj_bias);
  b.boolean("mlp_bias", mlp_bias, b.megatron.add_bias_linear);
  b.check(!mlp_bias || (attention_bias && attention_out_bias), "mlp_bias",
          "unsupported without attention_bias and attention_out_bias: Megatron's setting is for all of them");
}

Mapping SeedOssForCausalLM::mapping(const SeedOssConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

ArceeConfig::ArceeConfig() {
  hidden_size = 2560;
  intermediate_size = 18432;
  max_position_embeddings = 4096;
  norm_eps = 1e-5;
  hidden_act = "relu2";
}

void ArceeConfig::bind(ConfigBinding& b) {
  LlamaConfig::bind(b);
  b.fixed(b.megatron.gated_linear_unit, false);
}

Mapping ArceeForCausalLM::mapping(const ArceeConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.fc1 = "mlp.up_proj";
  return decoder_mapping(megatron, names);
}

CwmConfig::CwmConfig() {
  vocab_size = 128256;
  hidden_size = 6144;
  intermediate_size = 21504;
  num_hidden_layers = 64;
  num_attention_heads = 48;
  num_key_value_heads = 8;
  head_dim = 128;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  rotary.theta = 1e6;
}

void CwmConfig::bind(ConfigBinding& b) {
  if (!b.reader().has("rope_scaling") && !b.reader().has("rope_theta")) {  // configuration_cwm.py
    b.absent_means("rope_parameters", {{"rope_type", "llama3"},
                                       {"rope_theta", 1e6},
                                       {"factor", 16.0},
                                       {"original_max_position_embeddings", 8192},
                                       {"low_freq_factor", 1.0},
                                       {"high_freq_factor", 4.0}});
  }
  DecoderConfig::bind(b);
  b.require("mlp_bias", false);
  if (b.reading()) {
    for (std::int64_t i = 0; i < num_hidden_layers; ++i) window.layers.push_back(i % 4 != 0 ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
}

Mapping CwmForCausalLM::mapping(const CwmConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::llama
