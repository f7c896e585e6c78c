#include "gpt2.hpp"

#include "mhub/model/plugin.hpp"

namespace mhub::gpt2 {

GPT2Config GPT2Config::from(const ConfigReader& json) {
  json.require("scale_attn_weights", true);
  json.require("scale_attn_by_inverse_layer_idx", false);
  json.require("add_cross_attention", false);
  GPT2Config config{};
  config.vocab_size = json.positive("vocab_size", 50257);
  config.n_positions = json.positive("n_positions", 1024);
  config.n_embd = json.positive("n_embd", 768);
  config.n_layer = json.positive("n_layer", 12);
  config.n_head = json.positive("n_head", 12);
  config.n_inner = json.positive("n_inner", 4 * config.n_embd);
  config.layer_norm_epsilon = json.number("layer_norm_epsilon", 1e-5);
  config.attn_pdrop = json.number("attn_pdrop", 0.1);
  config.resid_pdrop = json.number("resid_pdrop", 0.1);
  config.initializer_range = json.number("initializer_range", 0.02);
  config.activation_function = json.string("activation_function", "gelu_new");
  config.tie_word_embeddings = json.boolean("tie_word_embeddings", true);
  if (config.n_embd % config.n_head != 0) {
    json.fail("n_head", "expected a divisor of n_embd=" + std::to_string(config.n_embd) + ", found " +
                            std::to_string(config.n_head));
  }
  return config;
}

TransformerConfig GPT2LMHeadModel::megatron(const GPT2Config& config) {
  TransformerConfig megatron;
  megatron.num_layers = config.n_layer;
  megatron.hidden_size = config.n_embd;
  megatron.ffn_hidden_size = config.n_inner;
  megatron.num_attention_heads = config.n_head;
  megatron.num_query_groups = config.n_head;
  megatron.kv_channels = config.n_embd / config.n_head;
  megatron.vocab_size = config.vocab_size;
  megatron.max_position_embeddings = config.n_positions;
  megatron.position_embedding_type = "learned_absolute";
  megatron.normalization = "LayerNorm";
  megatron.layernorm_epsilon = config.layer_norm_epsilon;
  megatron.activation = config.activation_function;
  megatron.gated_linear_unit = false;
  megatron.add_bias_linear = true;
  megatron.add_qkv_bias = true;
  megatron.share_embeddings_and_output_weights = config.tie_word_embeddings;
  megatron.attention_dropout = config.attn_pdrop;
  megatron.hidden_dropout = config.resid_pdrop;
  megatron.init_method_std = config.initializer_range;
  return megatron;
}

Mapping GPT2LMHeadModel::mapping(const GPT2Config& config) {
  const std::int64_t h = config.n_embd, f = config.n_inner;
  const AttentionHeads heads{config.n_head, config.n_head, h / config.n_head};
  const std::string hf = "transformer.h.{i}.", layer = "decoder.layers.{i}.";
  Mapping map;
  map.base_model_prefix("transformer.").index("i", config.n_layer);
  map.rule("embedding.word_embeddings.weight", vocabulary("transformer.wte.weight", {config.vocab_size, h}));
  map.rule("embedding.position_embeddings.weight",
           replicated("transformer.wpe.weight", {config.n_positions, h}));
  map.rule(layer + "self_attention.linear_qkv.layer_norm_weight", replicated(hf + "ln_1.weight", {h}));
  map.rule(layer + "self_attention.linear_qkv.layer_norm_bias", replicated(hf + "ln_1.bias", {h}));
  map.rule(layer + "self_attention.linear_qkv.weight",
           transposed(fused_qkv(hf + "attn.c_attn.weight", heads, {h})));
  map.rule(layer + "self_attention.linear_qkv.bias", fused_qkv(hf + "attn.c_attn.bias", heads, {}));
  map.rule(layer + "self_attention.linear_proj.weight", transposed(row(hf + "attn.c_proj.weight", {h, h})));
  map.rule(layer + "self_attention.linear_proj.bias", replicated(hf + "attn.c_proj.bias", {h}));
  map.rule(layer + "mlp.linear_fc1.layer_norm_weight", replicated(hf + "ln_2.weight", {h}));
  map.rule(layer + "mlp.linear_fc1.layer_norm_bias", replicated(hf + "ln_2.bias", {h}));
  map.rule(layer + "mlp.linear_fc1.weight", transposed(column(hf + "mlp.c_fc.weight", {f, h})));
  map.rule(layer + "mlp.linear_fc1.bias", column(hf + "mlp.c_fc.bias", {f}));
  map.rule(layer + "mlp.linear_fc2.weight", transposed(row(hf + "mlp.c_proj.weight", {h, f})));
  map.rule(layer + "mlp.linear_fc2.bias", replicated(hf + "mlp.c_proj.bias", {h}));
  map.rule("decoder.final_layernorm.weight", replicated("transformer.ln_f.weight", {h}));
  map.rule("decoder.final_layernorm.bias", replicated("transformer.ln_f.bias", {h}));
  if (config.tie_word_embeddings) {
    map.tied("lm_head.weight", "transformer.wte.weight");
  } else {
    map.rule("output_layer.weight", vocabulary("lm_head.weight", {config.vocab_size, h}));
  }
  map.ignore("*h.*.attn.bias", "causal mask buffer");
  map.ignore("*h.*.attn.masked_bias", "causal mask buffer");
  return map;
}

}  // namespace mhub::gpt2

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "gpt2";
  registrar.about = "GPT-2 of all sizes, DistilGPT2";
  registrar.add<mhub::gpt2::GPT2LMHeadModel>();
}
