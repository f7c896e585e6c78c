// SPDX-License-Identifier: Apache-2.0
#include "olmo.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::olmo {

Olmo2Config::Olmo2Config() {
  vocab_size = 50304;
  norm_eps = 1e-5;
}

void Olmo2Config::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.head_dim.clear();
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

}  // namespace mhub::olmo

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "olmo";
  registrar.about = "OLMo 2";
  registrar.add<mhub::olmo::Olmo2ForCausalLM>();
}
