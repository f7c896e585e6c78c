// SPDX-License-Identifier: Apache-2.0
#include "qwen.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::qwen {

QwenConfig::QwenConfig() {
  vocab_size = 151936;
  intermediate_size = 22016;
  num_key_value_heads = 32;
  max_position_embeddings = 32768;
}

void QwenConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  if (b.from_megatron()) {
    // Releases of transformers without layer_types know only "from this layer on".
    use_sliding_window = b.megatron.sliding_window.has_value();
    const Layers windowed = layers_with(b.megatron.window_layers, 1);
    if (use_sliding_window) max_window_layers = windowed.empty() ? 0 : windowed.front();
  }
  b.boolean("use_sliding_window", use_sliding_window);
  b.integer("max_window_layers", max_window_layers);
  if (b.reading()) {
    for (std::int64_t i = 0; i < num_hidden_layers; ++i) window.layers.push_back(i >= max_window_layers);
  }
  window.bind(b, num_hidden_layers);
  if (b.reading() && !use_sliding_window) window = {};
}

void Qwen2Config::bind(ConfigBinding& b) {
  QwenConfig::bind(b);
  b.fixed(b.megatron.add_qkv_bias, true);
}

Mapping Qwen2ForCausalLM::mapping(const Qwen2Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void Qwen3Config::bind(ConfigBinding& b) {
  QwenConfig::bind(b);
  b.require("attention_bias", false);
  b.fixed(b.megatron.qk_layernorm, true);
}

Mapping Qwen3ForCausalLM::mapping(const Qwen3Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

MiMoConfig::MiMoConfig() {
  vocab_size = 151680;
  intermediate_size = 11008;
  num_hidden_layers = 36;
  num_key_value_heads = 8;
  rotary.theta = 640000.0;
}

void MiMoConfig::bind(ConfigBinding& b) {
  Qwen2Config::bind(b);
  b.require("attention_bias", true);
  bind_prediction_blocks(b, num_nextn_predict_layers);
}

Mapping MiMoForCausalLM::mapping(const MiMoConfig&, const TransformerConfig& megatron) {
  Mapping map = decoder_mapping(megatron, {});
  const std::string block = "model.mtp_layers.{t}.";
  add_mtp(map, megatron, {},
          {.layer = block,
           .projection = block + "input_proj",
           .embedding_norm = block + "token_layernorm",
           .hidden_norm = block + "hidden_layernorm",
           .final_norm = block + "final_layernorm",
           .embedding = {},
           .head = {},
           .hidden_first = true});
  return map;
}

}  // namespace mhub::qwen

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "qwen";
  registrar.about = "Qwen2, Qwen2.5, Qwen3 (dense), MiMo";
  registrar.add<mhub::qwen::Qwen2ForCausalLM>();
  registrar.add<mhub::qwen::Qwen3ForCausalLM>();
  registrar.add<mhub::qwen::MiMoForCausalLM>();
}
