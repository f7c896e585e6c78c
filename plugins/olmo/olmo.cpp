// SPDX-License-Identifier: Apache-2.0
#include "olmo.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::olmo {

Olmo2Config::Olmo2Config() {
  vocab_size = 50304;
  norm_eps = 1e-5;
}

void Olmo2Config::bind(ConfigBinding& b) { bind(b, true); }

void Olmo2Config::bind(ConfigBinding& b, bool scaled_windows) {
  DecoderKeys keys;
  keys.head_dim.clear();
  keys.rotary.scaled_windows = scaled_windows;
  DecoderConfig::bind(b, keys);
  b.require("attention_bias", false);
  b.fixed(b.megatron.pre_norms, false);
  b.fixed(b.megatron.post_norms, true);
  b.fixed(b.megatron.qk_layernorm, true);
  b.fixed(b.megatron.qk_layernorm_over_heads, true);
}

Mapping Olmo2ForCausalLM::mapping(const Olmo2Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void Olmo3Config::bind(ConfigBinding& b) {
  Olmo2Config::bind(b, false);
  if (b.reading()) {
    for (std::int64_t i = 1; i <= num_hidden_layers; ++i) window.layers.push_back(i % 4 != 0 ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
  // "RoPE scaling is not applied to sliding window attention layers" (modular_olmo3.py), as OLMo-core trains
  // it and vLLM runs it. transformers 5.0 to 5.12 scale there too, against that comment (transformers
  // #45945); 5.24 has an object for each kind of layer in rope_parameters.
  if (b.to_megatron() && rotary.scaling.type != RopeKind::none && b.megatron.sliding_window)
    b.megatron.rotary_base_local = rotary.theta;
}

Mapping Olmo3ForCausalLM::mapping(const Olmo3Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::olmo

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "olmo";
  registrar.about = "OLMo 2, OLMo 3";
  registrar.add<mhub::olmo::Olmo2ForCausalLM>();
  registrar.add<mhub::olmo::Olmo3ForCausalLM>();
}
