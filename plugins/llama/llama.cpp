#include "llama.hpp"

#include "mhub/model/decoder_rules.hpp"
#include "mhub/model/plugin.hpp"

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

MistralConfig::MistralConfig() {
  num_key_value_heads = 8;
  intermediate_size = 14336;
  max_position_embeddings = 4096 * 32;
}

void MistralConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  b.optional("sliding_window", sliding_window, b.megatron.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
}

Mapping MistralForCausalLM::mapping(const MistralConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

MinistralConfig::MinistralConfig() {
  num_key_value_heads = 8;
  intermediate_size = 14336;
  max_position_embeddings = 4096 * 32;
}

void MinistralConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  window.bind(b, num_hidden_layers);
}

Mapping MinistralForCausalLM::mapping(const MinistralConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

}  // namespace mhub::llama

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llama";
  registrar.about = "Llama 1, 2, 3.x and models built like them, Mistral, Ministral";
  registrar.add<mhub::llama::LlamaForCausalLM>();
  registrar.add<mhub::llama::MistralForCausalLM>();
  registrar.add<mhub::llama::MinistralForCausalLM>();
}
