// StableLM (stabilityai/stablelm-3b-4e1t and its like), a third family outside the repository's plugins:
// Llama's blocks with LayerNorm and biases on it, partial rotary positions, and optionally biases on q, k and
// v.
#include <mhub/model/plugin.hpp>
#include <mhub/model/rope_config.hpp>

namespace {

using namespace mhub;

struct StableLmConfig {
  TransformerConfig megatron;
  static StableLmConfig from(const ConfigReader& json);
};

struct StableLmForCausalLM {
  using Config = StableLmConfig;
  static constexpr const char* class_name = "StableLmForCausalLM";
  static constexpr const char* config_class = "StableLmConfig";
  static constexpr const char* model_type = "stablelm";
  static constexpr const char* tokenizer_class = "GPTNeoXTokenizerFast";
  static TransformerConfig megatron(const StableLmConfig& config) { return config.megatron; }
  static Mapping mapping(const StableLmConfig& config);
};

StableLmConfig StableLmConfig::from(const ConfigReader& json) {
  json.require("use_parallel_residual", false);
  json.require("qk_layernorm", false);
  TransformerConfig m;
  m.num_layers = json.positive("num_hidden_layers", 32);
  m.hidden_size = json.positive("hidden_size", 2560);
  m.ffn_hidden_size = json.positive("intermediate_size", 6912);
  m.num_attention_heads = json.positive("num_attention_heads", 32);
  m.num_query_groups = json.positive("num_key_value_heads", 32);
  m.kv_channels = m.hidden_size / m.num_attention_heads;
  m.vocab_size = json.positive("vocab_size", 50304);
  m.max_position_embeddings = json.positive("max_position_embeddings", 4096);
  m.normalization = "LayerNorm";
  m.layernorm_epsilon = json.number("layer_norm_eps", 1e-5);
  m.activation = json.string("hidden_act", "silu");
  m.add_qkv_bias = json.boolean("use_qkv_bias", false);
  m.share_embeddings_and_output_weights = json.boolean("tie_word_embeddings", false);
  read_rope(json, 10000.0, m);
  if (!json.has("partial_rotary_factor") && !json.has("rope_parameters")) m.rotary_percent = 0.25;
  return {m};
}

Mapping StableLmForCausalLM::mapping(const StableLmConfig& config) {
  const TransformerConfig& m = config.megatron;
  const AttentionHeads heads{m.num_attention_heads, m.num_query_groups, m.kv_channels};
  const Shape h{m.hidden_size};
  const std::string hf = "model.layers.{i}.", layer = "decoder.layers.{i}.";
  Mapping map;
  map.base_model_prefix("model.").index("i", m.num_layers);
  map.rule("embedding.word_embeddings.weight",
           vocabulary("model.embed_tokens.weight", {m.vocab_size, m.hidden_size}));
  for (const std::string part : {"weight", "bias"}) {
    map.rule(layer + "self_attention.linear_qkv.layer_norm_" + part,
             replicated(hf + "input_layernorm." + part, h));
    map.rule(layer + "mlp.linear_fc1.layer_norm_" + part,
             replicated(hf + "post_attention_layernorm." + part, h));
    map.rule("decoder.final_layernorm." + part, replicated("model.norm." + part, h));
  }
  map.rule(layer + "self_attention.linear_qkv.weight", qkv(hf + "self_attn.{q,k,v}_proj.weight", heads, h));
  if (m.add_qkv_bias)
    map.rule(layer + "self_attention.linear_qkv.bias", qkv(hf + "self_attn.{q,k,v}_proj.bias", heads, {}));
  map.rule(layer + "self_attention.linear_proj.weight",
           row(hf + "self_attn.o_proj.weight", {m.hidden_size, heads.query * heads.dim}));
  map.rule(layer + "mlp.linear_fc1.weight", gated(hf + "mlp.{gate,up}_proj.weight", m.ffn_hidden_size, h));
  map.rule(layer + "mlp.linear_fc2.weight",
           row(hf + "mlp.down_proj.weight", {m.hidden_size, m.ffn_hidden_size}));
  if (m.share_embeddings_and_output_weights) {
    map.tied("lm_head.weight", "model.embed_tokens.weight");
  } else {
    map.rule("output_layer.weight", vocabulary("lm_head.weight", {m.vocab_size, m.hidden_size}));
  }
  return map;
}

}  // namespace

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "stablelm";
  registrar.about = "StableLM, the example of an out-of-tree plugin";
  registrar.add<StableLmForCausalLM>();
}
