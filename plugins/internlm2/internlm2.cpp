// SPDX-License-Identifier: Apache-2.0
#include "internlm2.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::internlm2 {

InternLM2Config::InternLM2Config() { vocab_size = 103168; }

void InternLM2Config::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.head_dim.clear();
  keys.attention_dropout.clear();
  DecoderConfig::bind(b, keys);
  b.boolean("bias", bias, b.megatron.add_bias_linear);
  b.check(!bias, "bias", "unsupported: Megatron cannot hold biases on q, k, v and o without the MLP's");
}

Mapping InternLM2ForCausalLM::mapping(const InternLM2Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.embedding = "model.tok_embeddings";
  names.output_layer = "output";
  names.input_norm = "attention_norm";
  names.qkv = "attention.wqkv";
  names.qkv_order = FusedOrder::megatron;
  names.proj = "attention.wo";
  names.pre_mlp_norm = "ffn_norm";
  names.fc1 = "feed_forward.{w1,w3}";
  names.fc2 = "feed_forward.w2";
  return decoder_mapping(megatron, names);
}

InternLM3Config::InternLM3Config() {
  vocab_size = 128512;
  max_position_embeddings = 32768;
}

void InternLM3Config::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  b.require("bias", false);
  b.require("qkv_bias", false);
}

Mapping InternLM3ForCausalLM::mapping(const InternLM3Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::internlm2

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "internlm2";
  registrar.about = "InternLM2, InternLM2.5, InternLM3";
  registrar.add<mhub::internlm2::InternLM2ForCausalLM>();
  registrar.add<mhub::internlm2::InternLM3ForCausalLM>();
}
