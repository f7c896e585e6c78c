#include "llama.hpp"

#include "mhub/model/plugin.hpp"
#include "mhub/model/rope_config.hpp"

namespace mhub::llama {

LlamaConfig LlamaConfig::from(const ConfigReader& json) {
  LlamaConfig config{};
  config.vocab_size = json.positive("vocab_size", 32000);
  config.hidden_size = json.positive("hidden_size", 4096);
  config.intermediate_size = json.positive("intermediate_size", 11008);
  config.num_hidden_layers = json.positive("num_hidden_layers", 32);
  config.num_attention_heads = json.positive("num_attention_heads", 32);
  config.num_key_value_heads = json.positive("num_key_value_heads", config.num_attention_heads);
  config.head_dim = json.positive("head_dim", config.hidden_size / config.num_attention_heads);
  config.max_position_embeddings = json.positive("max_position_embeddings", 2048);
  config.rms_norm_eps = json.number("rms_norm_eps", 1e-6);
  config.attention_dropout = json.number("attention_dropout", 0.0);
  config.initializer_range = json.number("initializer_range", 0.02);
  config.hidden_act = json.string("hidden_act", "silu");
  config.tie_word_embeddings = json.boolean("tie_word_embeddings", false);
  config.attention_bias = json.boolean("attention_bias", false);
  config.mlp_bias = json.boolean("mlp_bias", false);
  read_rope(json, 10000.0, config.rope);
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    json.fail("num_key_value_heads",
              "expected a divisor of num_attention_heads=" + std::to_string(config.num_attention_heads) +
                  ", found " + std::to_string(config.num_key_value_heads));
  }
  if (config.attention_bias != config.mlp_bias) {
    // Megatron-Core has add_qkv_bias for linear_qkv alone and add_bias_linear for linear_qkv, linear_proj and
    // both MLP layers together; Llama's attention_bias puts biases on q, k, v and o.
    json.fail("attention_bias",
              "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
  }
  return config;
}

TransformerConfig LlamaForCausalLM::megatron(const LlamaConfig& config) {
  TransformerConfig megatron = config.rope;
  megatron.num_layers = config.num_hidden_layers;
  megatron.hidden_size = config.hidden_size;
  megatron.ffn_hidden_size = config.intermediate_size;
  megatron.num_attention_heads = config.num_attention_heads;
  megatron.num_query_groups = config.num_key_value_heads;
  megatron.kv_channels = config.head_dim;
  megatron.vocab_size = config.vocab_size;
  megatron.max_position_embeddings = config.max_position_embeddings;
  megatron.layernorm_epsilon = config.rms_norm_eps;
  megatron.activation = config.hidden_act;
  // Megatron has one switch for the biases of both projections and the MLP; a model with only some of them
  // cannot be told apart by it, see mapping().
  megatron.add_bias_linear = config.mlp_bias;
  megatron.add_qkv_bias = config.attention_bias;
  megatron.share_embeddings_and_output_weights = config.tie_word_embeddings;
  megatron.attention_dropout = config.attention_dropout;
  megatron.init_method_std = config.initializer_range;
  megatron.sliding_window = config.sliding_window;
  return megatron;
}

Mapping LlamaForCausalLM::mapping(const LlamaConfig& config) {
  const std::int64_t h = config.hidden_size, f = config.intermediate_size, v = config.vocab_size;
  const AttentionHeads heads{config.num_attention_heads, config.num_key_value_heads, config.head_dim};
  const std::string hf = "model.layers.{i}.", layer = "decoder.layers.{i}.";
  Mapping map;
  map.base_model_prefix("model.").index("i", config.num_hidden_layers);
  map.rule("embedding.word_embeddings.weight", vocabulary("model.embed_tokens.weight", {v, h}));
  map.rule(layer + "self_attention.linear_qkv.layer_norm_weight",
           replicated(hf + "input_layernorm.weight", {h}));
  map.rule(layer + "self_attention.linear_qkv.weight", qkv(hf + "self_attn.{q,k,v}_proj.weight", heads, {h}));
  map.rule(layer + "self_attention.linear_proj.weight",
           row(hf + "self_attn.o_proj.weight", {h, heads.query * heads.dim}));
  map.rule(layer + "mlp.linear_fc1.layer_norm_weight",
           replicated(hf + "post_attention_layernorm.weight", {h}));
  map.rule(layer + "mlp.linear_fc1.weight", gated(hf + "mlp.{gate,up}_proj.weight", f, {h}));
  map.rule(layer + "mlp.linear_fc2.weight", row(hf + "mlp.down_proj.weight", {h, f}));
  if (config.attention_bias) {
    map.rule(layer + "self_attention.linear_qkv.bias", qkv(hf + "self_attn.{q,k,v}_proj.bias", heads, {}));
    map.rule(layer + "self_attention.linear_proj.bias", replicated(hf + "self_attn.o_proj.bias", {h}));
  }
  if (config.mlp_bias) {
    map.rule(layer + "mlp.linear_fc1.bias", gated(hf + "mlp.{gate,up}_proj.bias", f, {}));
    map.rule(layer + "mlp.linear_fc2.bias", replicated(hf + "mlp.down_proj.bias", {h}));
  }
  map.rule("decoder.final_layernorm.weight", replicated("model.norm.weight", {h}));
  if (config.tie_word_embeddings) {
    map.tied("lm_head.weight", "model.embed_tokens.weight");
  } else {
    map.rule("output_layer.weight", vocabulary("lm_head.weight", {v, h}));
  }
  map.ignore("*layers.*.self_attn.rotary_emb.inv_freq", "rotary frequencies, computed from the config");
  return map;
}

MistralConfig MistralConfig::from(const ConfigReader& json) {
  // transformers' MistralConfig has defaults of its own for what a config.json may leave out.
  nlohmann::json filled{{"num_key_value_heads", 8},
                        {"intermediate_size", 14336},
                        {"max_position_embeddings", 4096 * 32},
                        {"sliding_window", 4096}};
  filled.update(json.json());
  const ConfigReader reader(filled, json.file());
  MistralConfig config{LlamaConfig::from(reader)};
  if (reader.has("sliding_window")) config.sliding_window = reader.positive("sliding_window");
  return config;
}

}  // namespace mhub::llama

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llama";
  registrar.about = "Llama 1, 2, 3.x and models built like them, Mistral";
  registrar.add<mhub::llama::LlamaForCausalLM>();
  registrar.add<mhub::llama::MistralForCausalLM>();
}
