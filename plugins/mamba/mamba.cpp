// SPDX-License-Identifier: Apache-2.0
#include "mamba.hpp"

#include <algorithm>

namespace mhub::mamba {

void Mamba2Config::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
  b.check(num_hidden_layers <= 65536, "num_hidden_layers", "expected 65536 at most");
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  b.number("layer_norm_epsilon", layer_norm_epsilon, m.layernorm_epsilon);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  mixer.bind(b,
             {.num_heads = "num_heads",
              .head_dim = "head_dim",
              .state_size = "state_size",
              .proj_bias = "use_bias",
              .activation = "hidden_act",
              .expand = "expand"},
             hidden_size);
  b.require("rms_norm", true);
  if (b.to_megatron()) m.hybrid_layer_pattern = std::string(static_cast<std::size_t>(num_hidden_layers), 'M');
  b.fixed(m.position_embedding_type, PositionEmbedding::none);
  // Megatron-Core asks any model for heads, which tensor parallelism must divide, and for an MLP's size.
  b.fixed(m.num_attention_heads, mixer.mamba_num_heads);
  b.fixed(m.num_query_groups, mixer.mamba_num_heads);
  b.fixed(m.kv_channels, mixer.mamba_head_dim);
  b.fixed(m.ffn_hidden_size, 4 * hidden_size);
  b.fixed(m.bridge_provider, kHybridProvider);
}

Mapping Mamba2ForCausalLM::mapping(const Mamba2Config&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.base_prefix = "backbone.";
  names.embedding = "backbone.embeddings";
  names.layer = "backbone.layers.{i}.";
  names.final_norm = "backbone.norm_f";
  names.input_norm = "norm";
  Mapping map;
  add_ends(map, megatron, names);
  map.also_spelled("backbone.embeddings.", "backbone.embedding.");  // modeling_mamba2.py, load_hook
  add_mamba(map, megatron, names, "mixer", layers_of(megatron.hybrid_layer_pattern, 'M'));
  return map;
}

BambaConfig::BambaConfig()
    : DecoderConfig{.vocab_size = 128000,
                    .intermediate_size = 14336,
                    .max_position_embeddings = 262144,
                    .num_key_value_heads = 8,
                    .norm_eps = 1e-5} {
  rotary.partial_factor = 0.5;
}

void BambaConfig::bind_kinds(ConfigBinding& b) {
  bind_layer_pairs(b, num_hidden_layers, attention, '-');
  std::vector<std::int64_t> indices = layers_with(attention, 1);
  b.integers("attn_layer_indices", indices);
  if (!b.reading()) return;
  attention.assign(static_cast<std::size_t>(num_hidden_layers), 0);
  for (const std::int64_t layer : indices) {
    b.check(layer >= 0 && layer < num_hidden_layers, "attn_layer_indices", "expected numbers of layers");
    attention[static_cast<std::size_t>(layer)] = 1;
  }
}

void BambaConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  // transformers writes this over what config.json says (configuration_bamba.py, __post_init__).
  b.require("partial_rotary_factor", 0.5);
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  b.check(rotary.partial_factor == 0.5, "rope_parameters", "unsupported: a share of heads other than 0.5");
  b.check(!b.reader().has("attn_rotary_emb") || 2 * b.reader().integer("attn_rotary_emb") == head_dim,
          "attn_rotary_emb", "unsupported: other than half of a head");
  bind_kinds(b);
  mixer.bind(b, bamba_keys(), hidden_size);
  b.require("attention_bias", false);
  b.require("mlp_bias", false);
  b.fixed(m.bridge_provider, kHybridProvider);
}

Mapping BambaForCausalLM::mapping(const BambaConfig&, const TransformerConfig& megatron) {
  const std::string& pattern = megatron.hybrid_layer_pattern;
  DecoderNames names;
  names.layer = "model.layers.{i/2}.";
  names.final_norm = "model.final_layernorm";
  names.pre_mlp_norm = "pre_ff_layernorm";
  names.fc1 = "feed_forward.{gate,up}_proj";
  names.fc2 = "feed_forward.down_proj";
  Mapping map;
  add_ends(map, megatron, names);
  add_mamba(map, megatron, names, "mamba", layers_of(pattern, 'M'));
  add_attention(map, megatron, names, layers_of(pattern, '*'));
  add_dense_mlp(map, megatron, names, layers_of(pattern, '-'));
  return map;
}

}  // namespace mhub::mamba

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "mamba";
  registrar.about = "Mamba 2 (Codestral Mamba), Bamba";
  registrar.add<mhub::mamba::Mamba2ForCausalLM>();
  registrar.add<mhub::mamba::BambaForCausalLM>();
}
