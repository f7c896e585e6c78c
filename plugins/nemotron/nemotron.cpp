// SPDX-License-Identifier: Apache-2.0
#include "nemotron.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::nemotron {

NemotronConfig::NemotronConfig() {
  vocab_size = 256000;
  hidden_size = 6144;
  intermediate_size = 24576;
  num_attention_heads = 48;
  max_position_embeddings = 4096;
  norm_eps = 1e-5;
  initializer_range = 0.0134;
  hidden_act = "relu2";
  rotary.partial_factor = 0.5;
}

void NemotronConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.norm_eps = "norm_eps";
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, m.add_bias_linear);
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
  fix_layer_norm_and_plain_mlp(b, false);
  b.fixed(m.layernorm_zero_centered_gamma, true);
}

Mapping NemotronForCausalLM::mapping(const NemotronConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.fc1 = "mlp.up_proj";
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::nemotron

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "nemotron";
  registrar.about = "Nemotron-3, Nemotron-4, Minitron";
  registrar.add<mhub::nemotron::NemotronForCausalLM>();
}
