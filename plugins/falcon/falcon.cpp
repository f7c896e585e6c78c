// SPDX-License-Identifier: Apache-2.0
#include "falcon.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::falcon {

FalconConfig::FalconConfig()
    : DecoderConfig{.vocab_size = 65024,
                    .hidden_size = 4544,
                    .intermediate_size = 0,
                    .num_attention_heads = 71,
                    .norm_eps = 1e-5,
                    .hidden_act = "gelu",
                    .tie_word_embeddings = true} {}

void FalconConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.intermediate_size = "ffn_hidden_size";
  keys.num_key_value_heads = "num_kv_heads";
  keys.head_dim.clear();
  keys.norm_eps = "layer_norm_epsilon";
  keys.activation = "activation";
  keys.hidden_dropout = "hidden_dropout";
  DecoderConfig::bind(b, keys);
  if (b.from_megatron()) {
    const bool one_or_all = num_key_value_heads == 1 || num_key_value_heads == num_attention_heads;
    new_decoder_architecture = !one_or_all || (m.parallel_residual && !m.shared_pre_norm);
    multi_query = num_key_value_heads == 1;
    if (new_decoder_architecture) num_ln_in_parallel_attn = m.shared_pre_norm ? 1 : 2;
  }
  b.boolean("new_decoder_architecture", new_decoder_architecture);
  b.boolean("multi_query", multi_query);
  b.boolean("parallel_attn", parallel_attn, m.parallel_residual);
  b.boolean("bias", bias, m.add_bias_linear);
  b.link(bias, m.add_qkv_bias);
  b.optional("num_ln_in_parallel_attn", num_ln_in_parallel_attn);
  b.require("alibi", false);
  if (b.reading()) {
    if (intermediate_size == 0) intermediate_size = 4 * hidden_size;
    // num_kv_heads counts in the new architecture only.
    if (!new_decoder_architecture) num_key_value_heads = multi_query ? 1 : num_attention_heads;
  }
  const std::int64_t norms = num_ln_in_parallel_attn.value_or(new_decoder_architecture ? 2 : 1);
  b.check(norms == 1 || (norms == 2 && new_decoder_architecture), "num_ln_in_parallel_attn", "unsupported");
  b.check(parallel_attn || !new_decoder_architecture, "parallel_attn",
          "unsupported: false with new_decoder_architecture");
  fix_layer_norm_and_plain_mlp(b, false);
  b.fixed(m.shared_pre_norm, parallel_attn && norms == 1);
}

Mapping FalconForCausalLM::mapping(const FalconConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.base_prefix = "transformer.";
  names.embedding = "transformer.word_embeddings";
  names.layer = "transformer.h.{i}.";
  names.final_norm = "transformer.ln_f";
  names.qkv = "self_attention.query_key_value";
  names.qkv_order = FusedOrder::megatron;
  names.proj = "self_attention.dense";
  names.fc1 = "mlp.dense_h_to_4h";
  names.fc2 = "mlp.dense_4h_to_h";
  if (megatron.parallel_residual && !megatron.shared_pre_norm) {
    names.input_norm = "ln_attn";
    names.pre_mlp_norm = "ln_mlp";
  }
  return decoder_mapping(megatron, names);
}

}  // namespace mhub::falcon

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "falcon";
  registrar.about = "Falcon 7B, 40B, 180B, Falcon 2";
  registrar.add<mhub::falcon::FalconForCausalLM>();
}
