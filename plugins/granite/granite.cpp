// SPDX-License-Identifier: Apache-2.0
#include "granite.hpp"

#include <cmath>

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::granite {

void GraniteConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.head_dim.clear();
  DecoderConfig::bind(b, keys);
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, m.add_bias_linear);
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
  b.number("embedding_multiplier", embedding_multiplier, m.embedding_multiplier);
  b.number("residual_multiplier", residual_multiplier, m.residual_multiplier);
  b.number("attention_multiplier", attention_multiplier);
  b.fixed(m.softmax_scale, attention_multiplier);
  if (b.from_megatron())
    attention_multiplier = m.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(head_dim)));
  b.number("logits_scaling", logits_scaling);
  b.check(logits_scaling != 0.0, "logits_scaling", "expected a number other than 0");
  b.fixed(m.logits_multiplier, 1.0 / logits_scaling);
  if (b.from_megatron()) logits_scaling = 1.0 / m.logits_multiplier;
}

Mapping GraniteForCausalLM::mapping(const GraniteConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::granite

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "granite";
  registrar.about = "Granite 3 (dense)";
  registrar.add<mhub::granite::GraniteForCausalLM>();
}
