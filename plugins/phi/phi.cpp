// SPDX-License-Identifier: Apache-2.0
#include "phi.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::phi {

PhiConfig::PhiConfig()
    : DecoderConfig{.vocab_size = 51200,
                    .hidden_size = 2048,
                    .intermediate_size = 8192,
                    .num_hidden_layers = 24,
                    .norm_eps = 1e-5,
                    .hidden_act = "gelu_new",
                    .rotary = {.partial_factor = 0.5, .scaling = {}}} {}

void PhiConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.head_dim.clear();
  keys.norm_eps = "layer_norm_eps";
  keys.hidden_dropout = "resid_pdrop";
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  b.boolean("qk_layernorm", qk_layernorm, m.qk_layernorm);
  fix_layer_norm_and_plain_mlp(b, true);
  b.fixed(m.output_layer_bias, true);
  b.fixed(m.parallel_residual, true);
  b.fixed(m.shared_pre_norm, true);
}

Mapping PhiForCausalLM::mapping(const PhiConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.final_norm = "model.final_layernorm";
  names.q_norm = "self_attn.q_layernorm";
  names.k_norm = "self_attn.k_layernorm";
  names.proj = "self_attn.dense";
  names.fc1 = "mlp.fc1";
  names.fc2 = "mlp.fc2";
  return decoder_mapping(megatron, names);
}

Phi3Config::Phi3Config()
    : DecoderConfig{.vocab_size = 32064,
                    .hidden_size = 3072,
                    .intermediate_size = 8192,
                    .max_position_embeddings = 4096,
                    .norm_eps = 1e-5} {}

void Phi3Config::bind(ConfigBinding& b) {
  DecoderKeys keys;
  keys.head_dim.clear();
  keys.hidden_dropout = "resid_pdrop";
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  // Phi3Config has the length trained with beside the scaling; transformers looks for it there.
  std::int64_t trained = rotary.scaling.original_max_position_embeddings;
  if (!b.reading() && rotary.scaling.type == RopeKind::longrope)
    b.positive("original_max_position_embeddings", trained);
  // transformers renames a Phi-3 scaling of this name to "longrope".
  b.check(rotary.scaling.type == RopeKind::none || rotary.scaling.type == RopeKind::longrope, "rope_scaling",
          "unsupported: \"" + name_of(rotary.scaling.type) + "\"");
  b.optional("sliding_window", sliding_window, b.megatron.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
}

Mapping Phi3ForCausalLM::mapping(const Phi3Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.qkv = "self_attn.qkv_proj";
  names.fc1 = "mlp.gate_up_proj";
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::phi

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "phi";
  registrar.about = "Phi-1, Phi-1.5, Phi-2, Phi-3, Phi-3.5, Phi-4 (text)";
  registrar.add<mhub::phi::PhiForCausalLM>();
  registrar.add<mhub::phi::Phi3ForCausalLM>();
}
