// SPDX-License-Identifier: Apache-2.0
#include "baichuan.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::baichuan {

BaichuanConfig::BaichuanConfig() {
  vocab_size = 125696;
  max_position_embeddings = 4096;
}

void BaichuanConfig::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.num_key_value_heads.clear();
  keys.head_dim.clear();
  keys.attention_dropout.clear();
  DecoderConfig::bind(b, keys);
  // Baichuan 13B goes by the same class name and has no field that says so, but its length is called
  // model_max_length only: its positions are linear biases (ALiBi).
  b.check(!b.reading() || !b.reader().has("model_max_length") || b.reader().has("max_position_embeddings"),
          "max_position_embeddings",
          "unsupported without it: Baichuan 13B has ALiBi positions, which Megatron-Core does not know");
  // modeling_baichuan.py, NormHead
  b.fixed(b.megatron.normalized_output_layer, true);
}

Mapping BaichuanForCausalLM::mapping(const BaichuanConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.qkv = "self_attn.W_pack";
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::baichuan

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "baichuan";
  registrar.about = "Baichuan 2 7B";
  registrar.add<mhub::baichuan::BaichuanForCausalLM>();
}
