// SPDX-License-Identifier: Apache-2.0
#include "starcoder2.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::starcoder2 {

Starcoder2Config::Starcoder2Config() {
  vocab_size = 49152;
  hidden_size = 3072;
  intermediate_size = 12288;
  num_hidden_layers = 30;
  num_attention_heads = 24;
  num_key_value_heads = 2;
  max_position_embeddings = 4096;
  norm_eps = 1e-5;
  initializer_range = 0.018042;
  hidden_act = "gelu_pytorch_tanh";
  tie_word_embeddings = true;
}

void Starcoder2Config::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.head_dim.clear();
  keys.norm_eps = "norm_epsilon";
  keys.hidden_dropout = "residual_dropout";
  DecoderConfig::bind(b, keys);
  b.boolean("use_bias", use_bias, m.add_bias_linear);
  b.link(use_bias, m.add_qkv_bias);
  b.optional("sliding_window", sliding_window, m.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
  fix_layer_norm_and_plain_mlp(b, false);
}

Mapping Starcoder2ForCausalLM::mapping(const Starcoder2Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.fc1 = "mlp.c_fc";
  names.fc2 = "mlp.c_proj";
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::starcoder2

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "starcoder2";
  registrar.about = "StarCoder2";
  registrar.add<mhub::starcoder2::Starcoder2ForCausalLM>();
}
