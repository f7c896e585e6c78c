#include "llama.hpp"

#include "mhub/model/decoder_rules.hpp"
#include "mhub/model/plugin.hpp"

namespace mhub::llama {

void LlamaConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
  b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
  b.positive("num_key_value_heads", num_key_value_heads, m.num_query_groups);
  b.positive("head_dim", head_dim, m.kv_channels);
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  b.number("rms_norm_eps", rms_norm_eps, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.text("hidden_act", hidden_act, m.activation);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, m.add_bias_linear);
  b.rotary(rotary);
  if (b.reading()) {
    if (num_key_value_heads == 0) num_key_value_heads = num_attention_heads;
    if (head_dim == 0) head_dim = hidden_size / num_attention_heads;
  }
  b.divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
  // Megatron-Core has add_qkv_bias for linear_qkv alone and add_bias_linear for linear_qkv, linear_proj and
  // both MLP layers together; Llama's attention_bias puts biases on q, k, v and o.
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
}

Mapping LlamaForCausalLM::mapping(const LlamaConfig&, const TransformerConfig& megatron) {
  Mapping map = decoder_mapping(megatron, {});
  map.ignore("*layers.*.self_attn.rotary_emb.inv_freq", "rotary frequencies, computed from the config");
  return map;
}

MistralConfig::MistralConfig() {
  num_key_value_heads = 8;
  intermediate_size = 14336;
  max_position_embeddings = 4096 * 32;
}

void MistralConfig::bind(ConfigBinding& b) {
  LlamaConfig::bind(b);
  b.optional("sliding_window", sliding_window, b.megatron.sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
}

Mapping MistralForCausalLM::mapping(const MistralConfig& config, const TransformerConfig& megatron) {
  return LlamaForCausalLM::mapping(config, megatron);
}

}  // namespace mhub::llama

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llama";
  registrar.about = "Llama 1, 2, 3.x and models built like them, Mistral";
  registrar.add<mhub::llama::LlamaForCausalLM>();
  registrar.add<mhub::llama::MistralForCausalLM>();
}
