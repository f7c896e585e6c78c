// SPDX-License-Identifier: Apache-2.0
#include "gpt2.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::gpt2 {

void GPT2Config::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("n_positions", n_positions, m.max_position_embeddings);
  b.positive("n_embd", n_embd, m.hidden_size);
  b.positive("n_layer", n_layer, m.num_layers);
  b.positive("n_head", n_head, m.num_attention_heads);
  b.optional("n_inner", n_inner);
  if (b.to_megatron()) m.ffn_hidden_size = n_inner.value_or(4 * n_embd);
  if (b.from_megatron() && m.ffn_hidden_size != 4 * n_embd) n_inner = m.ffn_hidden_size;
  b.number("layer_norm_epsilon", layer_norm_epsilon, m.layernorm_epsilon);
  b.number("attn_pdrop", attn_pdrop, m.training.attention_dropout);
  b.number("resid_pdrop", resid_pdrop, m.training.hidden_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.text("activation_function", activation_function, m.activation);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  b.require("scale_attn_weights", true);
  b.require("scale_attn_by_inverse_layer_idx", false);
  b.require("add_cross_attention", false);
  b.divides("n_head", n_head, "n_embd", n_embd);
  b.check(!n_inner || *n_inner > 0, "n_inner", "expected 1 or more");
  b.fixed(m.position_embedding_type, PositionEmbedding::learned_absolute);
  fix_layer_norm_and_plain_mlp(b, true);
  b.fixed(m.num_query_groups, n_head);
  b.fixed(m.kv_channels, n_embd / n_head);
}

Mapping GPT2LMHeadModel::mapping(const GPT2Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.base_prefix = "transformer.";
  names.embedding = "transformer.wte";
  names.position_embedding = "transformer.wpe";
  names.layer = "transformer.h.{i}.";
  names.final_norm = "transformer.ln_f";
  names.input_norm = "ln_1";
  names.qkv = "attn.c_attn";
  names.proj = "attn.c_proj";
  names.pre_mlp_norm = "ln_2";
  names.fc1 = "mlp.c_fc";
  names.fc2 = "mlp.c_proj";
  names.conv1d = true;
  Mapping map = decoder_mapping(megatron, names);
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
