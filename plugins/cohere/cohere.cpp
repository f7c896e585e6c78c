// SPDX-License-Identifier: Apache-2.0
#include "cohere.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::cohere {

CohereConfig::CohereConfig() {
  vocab_size = 256000;
  hidden_size = 8192;
  intermediate_size = 22528;
  num_hidden_layers = 40;
  num_attention_heads = 64;
  max_position_embeddings = 8192;
  norm_eps = 1e-5;
  tie_word_embeddings = true;
}

void CohereConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.norm_eps = "layer_norm_eps";
  DecoderConfig::bind(b, keys);
  b.number("logit_scale", logit_scale, m.logits_multiplier);
  b.require("attention_bias", false);
  b.boolean("use_qk_norm", use_qk_norm, m.qk_layernorm);
  b.fixed(m.qk_layernorm_per_head, use_qk_norm);
  b.fixed(m.normalization, Normalization::layer);
  b.fixed(m.layernorm_bias, false);
  b.fixed(m.rotary_interleaved, true);
  b.fixed(m.parallel_residual, true);
  b.fixed(m.shared_pre_norm, true);
}

Mapping CohereForCausalLM::mapping(const CohereConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void Cohere2Config::bind(ConfigBinding& b) {
  CohereConfig::bind(b);
  b.require("use_qk_norm", false);
  b.positive("sliding_window_pattern", sliding_window_pattern);
  if (b.reading()) {
    for (std::int64_t i = 1; i <= num_hidden_layers; ++i)
      window.layers.push_back(i % sliding_window_pattern != 0);
  }
  window.bind(b, num_hidden_layers);
  if (b.to_megatron()) {
    for (const std::int64_t sliding : window.layers)
      b.megatron.no_rope_layers.push_back(window.sliding_window && sliding != 0 ? 0 : 1);
  }
}

Mapping Cohere2ForCausalLM::mapping(const Cohere2Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::cohere

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "cohere";
  registrar.about = "Command R, Command R+, Command R7B, Command A Vision, Aya, Aya Vision";
  registrar.add<mhub::cohere::CohereForCausalLM>();
  registrar.add<mhub::cohere::Cohere2ForCausalLM>();
  registrar.add<mhub::cohere::AyaVisionForConditionalGeneration>();
  registrar.add<mhub::cohere::Cohere2VisionForConditionalGeneration>();
}
