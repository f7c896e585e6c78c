// SPDX-License-Identifier: Apache-2.0
#include "llama.hpp"

#include "decilm.hpp"
#include "llama_like.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "pixtral.hpp"

namespace mhub::llama {

void LlamaConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  b.boolean("attention_bias", attention_bias, b.megatron.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, b.megatron.add_bias_linear);
  // Megatron-Core has add_qkv_bias for linear_qkv alone and add_bias_linear for linear_qkv, linear_proj and
  // both MLP layers together; Llama's attention_bias puts biases on q, k, v and o.
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
}

Mapping LlamaForCausalLM::mapping(const LlamaConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void MistralConfig::bind(ConfigBinding& b) { bind(b, {}); }

void MistralConfig::bind(ConfigBinding& b, const DecoderKeys& keys) {
  DecoderConfig::bind(b, keys);
  b.optional("sliding_window", sliding_window, b.megatron.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
}

Mapping MistralForCausalLM::mapping(const MistralConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void MinistralConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  window.bind(b, num_hidden_layers);
}

Mapping MinistralForCausalLM::mapping(const MinistralConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

Ministral3Config::Ministral3Config() {
  vocab_size = 131072;
  num_hidden_layers = 34;
  head_dim = 128;
  max_position_embeddings = 262144;
  norm_eps = 1e-5;
  sliding_window.reset();
}

void Ministral3Config::bind(ConfigBinding& b) {
  // configuration_ministral3.py
  if (!b.reader().has("rope_scaling")) {
    b.absent_means("rope_parameters", {{"rope_type", "yarn"},
                                       {"rope_theta", 1e6},
                                       {"factor", 16.0},
                                       {"original_max_position_embeddings", 16384},
                                       {"mscale", 1.0},
                                       {"mscale_all_dim", 1.0},
                                       {"llama_4_scaling_beta", 0.1}});
  }
  DecoderKeys keys;
  keys.rotary.temperature_scale = "llama_4_scaling_beta";
  MistralConfig::bind(b, keys);
  b.check(rotary.temperature_scale && rotary.scaling.type != RopeKind::none, "rope_parameters",
          "expected a scaling with original_max_position_embeddings and llama_4_scaling_beta");
  std::optional<AttentionTemperature>& temperature = b.megatron.attention_temperature;
  if (b.to_megatron() && rotary.temperature_scale)
    temperature = {rotary.scaling.original_max_position_embeddings, *rotary.temperature_scale, 0, true};
  if (b.from_megatron() && temperature) rotary.temperature_scale = temperature->scale;
}

Mapping Ministral3ForCausalLM::mapping(const Ministral3Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

VisionParts Mistral3ForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  return mistral3_vision(json, config_to_megatron(config));
}

}  // namespace mhub::llama

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llama";
  registrar.about =
      "Llama 1, 2, 3.x and models built like them, Llama-Nemotron (DeciLM), SmolLM3, Seed-OSS, Arcee, CWM, "
      "Mistral, Ministral";
  registrar.add<mhub::llama::LlamaForCausalLM>();
  registrar.add<mhub::llama::SmolLM3ForCausalLM>();
  registrar.add<mhub::llama::SeedOssForCausalLM>();
  registrar.add<mhub::llama::ArceeForCausalLM>();
  registrar.add<mhub::llama::CwmForCausalLM>();
  registrar.add<mhub::llama::DeciLMForCausalLM>();
  // vLLM builds them as Llama, too (vllm/model_executor/models/registry.py).
  registrar.add_alias<mhub::llama::LlamaForCausalLM>("AquilaForCausalLM", "AquilaConfig", "aquila");
  registrar.add_alias<mhub::llama::LlamaForCausalLM>("XverseForCausalLM", "XverseConfig", "xverse");
  registrar.add_alias<mhub::llama::LlamaForCausalLM>("LLaMAForCausalLM", "LlamaConfig", "llama");
  registrar.add<mhub::llama::MistralForCausalLM>();
  registrar.add<mhub::llama::MinistralForCausalLM>();
  registrar.add<mhub::llama::Ministral3ForCausalLM>();
  registrar.add<mhub::llama::Mistral3ForConditionalGeneration>();
  registrar.add<mhub::llama::PixtralVisionModel>();
}
