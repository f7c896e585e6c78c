// SPDX-License-Identifier: Apache-2.0
#include "apertus.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::apertus {

ApertusConfig::ApertusConfig() {
  vocab_size = 131072;
  intermediate_size = 14336;
  max_position_embeddings = 65536;
  norm_eps = 1e-5;
  hidden_act = "xielu";
  rotary.theta = 12e6;
}

void ApertusConfig::bind(ConfigBinding& b) {
  if (!b.reader().has("rope_scaling")) {  // configuration_apertus.py
    b.absent_means("rope_parameters", {{"rope_type", "llama3"},
                                       {"rope_theta", 12e6},
                                       {"factor", 8.0},
                                       {"original_max_position_embeddings", 8192},
                                       {"low_freq_factor", 1.0},
                                       {"high_freq_factor", 4.0}});
  }
  DecoderConfig::bind(b);
  b.require("attention_bias", false);
  b.require("hidden_act", "xielu");
  b.fixed(b.megatron.gated_linear_unit, false);
  b.fixed(b.megatron.qk_layernorm, true);
}

Mapping ApertusForCausalLM::mapping(const ApertusConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.input_norm = "attention_layernorm";
  names.pre_mlp_norm = "feedforward_layernorm";
  names.fc1 = "mlp.up_proj";
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::apertus

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "apertus";
  registrar.about = "Apertus";
  registrar.add<mhub::apertus::ApertusForCausalLM>();
}
