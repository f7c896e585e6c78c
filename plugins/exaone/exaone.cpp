// SPDX-License-Identifier: Apache-2.0
#include "exaone.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::exaone {

Exaone4Config::Exaone4Config() {
  vocab_size = 102400;
  intermediate_size = 16384;
  num_key_value_heads = 32;
  norm_eps = 1e-5;
}

void Exaone4Config::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderConfig::bind(b);
  if (b.reading() && !b.reader().has("layer_types")) {
    const std::int64_t every = b.reader().positive("sliding_window_pattern", 4);
    for (std::int64_t i = 1; i <= num_hidden_layers; ++i) window.layers.push_back(i % every != 0 ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
  // transformers cannot make layer_types of its default pattern where there is no window.
  if (b.from_megatron() && !window.sliding_window)
    window.layers.assign(static_cast<std::size_t>(num_hidden_layers), 0);
  if (b.to_megatron() && window.sliding_window) {
    for (const std::int64_t sliding : window.layers) m.no_rope_layers.push_back(1 - sliding);
  }
  b.fixed(m.pre_norms, false);
  b.fixed(m.post_norms, true);
  b.fixed(m.qk_layernorm, true);
}

Mapping Exaone4ForCausalLM::mapping(const Exaone4Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::exaone

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "exaone";
  registrar.about = "EXAONE 4";
  registrar.add<mhub::exaone::Exaone4ForCausalLM>();
}
