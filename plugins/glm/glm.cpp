// SPDX-License-Identifier: Apache-2.0
#include "glm.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::glm {

namespace {

DecoderNames fused_names() {
  DecoderNames names;
  names.fc1 = "mlp.gate_up_proj";
  names.post_attention_norm = "post_self_attn_layernorm";
  names.post_mlp_norm = "post_mlp_layernorm";
  return names;
}

}  // namespace

GlmConfig::GlmConfig() {
  vocab_size = 151552;
  intermediate_size = 13696;
  num_hidden_layers = 40;
  num_key_value_heads = 2;
  head_dim = 128;
  max_position_embeddings = 131072;
  norm_eps = 0.00000015625;
  rotary.partial_factor = 0.5;
}

void GlmConfig::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  b.boolean("attention_bias", attention_bias, b.megatron.add_qkv_bias);
  b.fixed(b.megatron.rotary_interleaved, true);
}

Mapping GlmForCausalLM::mapping(const GlmConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, fused_names());
}

void Glm4Config::bind(ConfigBinding& b) {
  GlmConfig::bind(b);
  b.fixed(b.megatron.post_norms, true);
}

Mapping Glm4ForCausalLM::mapping(const Glm4Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, fused_names());
}

}  // namespace mhub::glm

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "glm";
  registrar.about = "GLM-4 (dense): THUDM/glm-4-9b-hf, GLM-4-0414";
  registrar.add<mhub::glm::GlmForCausalLM>();
  registrar.add<mhub::glm::Glm4ForCausalLM>();
}
