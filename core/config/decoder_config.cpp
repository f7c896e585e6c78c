// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/decoder_config.hpp"

#include <algorithm>

namespace mhub {

void DecoderConfig::bind(ConfigBinding& b, const DecoderKeys& keys) {
  TransformerConfig& m = b.megatron;
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive(keys.intermediate_size, intermediate_size, m.ffn_hidden_size);
  b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
  b.check(num_hidden_layers <= 65536, "num_hidden_layers", "expected 65536 at most");
  b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  if (!keys.num_key_value_heads.empty()) {
    b.positive(keys.num_key_value_heads, num_key_value_heads);
    b.link(num_key_value_heads, m.num_query_groups);
  }
  if (!keys.head_dim.empty()) {
    b.positive(keys.head_dim, head_dim);
    b.link(head_dim, m.kv_channels);
  }
  if (b.reading() || b.from_megatron()) {
    if (num_key_value_heads == 0) num_key_value_heads = num_attention_heads;
    if (head_dim == 0) head_dim = hidden_size / num_attention_heads;
    b.check(head_dim > 0, "num_attention_heads",
            "expected " + std::to_string(hidden_size) + " (hidden_size) at most, found " +
                std::to_string(num_attention_heads));
  }
  b.fixed(m.num_query_groups, num_key_value_heads);
  b.fixed(m.kv_channels, head_dim);
  b.number(keys.norm_eps, norm_eps, m.layernorm_epsilon);
  b.text(keys.activation, hidden_act, m.activation);
  if (!keys.attention_dropout.empty())
    b.number(keys.attention_dropout, attention_dropout, m.training.attention_dropout);
  if (!keys.hidden_dropout.empty()) b.number(keys.hidden_dropout, hidden_dropout, m.training.hidden_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  if (keys.rotary.theta.empty()) {
    b.fixed(m.position_embedding_type, PositionEmbedding::none);
  } else {
    b.rotary(rotary, keys.rotary);
  }
  if (keys.rotary.partial_factor.empty())
    b.check(rotary.partial_factor == 1.0, "partial_rotary_factor", "unsupported here: other than 1");
  b.check(
      !b.reader().has("dual_chunk_attention_config"), "dual_chunk_attention_config",
      "unsupported: vLLM's attention within chunks, which neither transformers nor Megatron-Core computes; "
      "without this field the model is converted as transformers runs it, with attention to all tokens");
  b.divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
  if (keys.head_dim.empty())
    b.divides("num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
}

void fix_layer_norm_and_plain_mlp(ConfigBinding& b, bool biases) {
  b.fixed(b.megatron.normalization, Normalization::layer);
  b.fixed(b.megatron.gated_linear_unit, false);
  if (!biases) return;
  b.fixed(b.megatron.add_bias_linear, true);
  b.fixed(b.megatron.add_qkv_bias, true);
}

void bind_encoder_sizes(ConfigBinding& b, SizeField hidden_size, SizeField layers, SizeField heads) {
  TransformerConfig& m = b.megatron;
  b.positive(hidden_size.key, hidden_size.value, m.hidden_size);
  b.positive(layers.key, layers.value, m.num_layers);
  b.check(layers.value <= 65536, layers.key, "expected 65536 at most");
  b.positive(heads.key, heads.value, m.num_attention_heads);
  b.divides(heads.key, heads.value, hidden_size.key, hidden_size.value);
  b.fixed(m.num_query_groups, heads.value);
  b.fixed(m.kv_channels, hidden_size.value / heads.value);
}

void WindowConfig::bind(ConfigBinding& b, std::int64_t num_layers) {
  TransformerConfig& m = b.megatron;
  b.optional("sliding_window", sliding_window);
  b.check(!sliding_window || *sliding_window > 0, "sliding_window", "expected 1 or more");
  if (b.from_megatron()) {
    sliding_window = m.sliding_window;
    layers = m.window_layers;
    if (sliding_window && layers.empty()) layers.assign(static_cast<std::size_t>(num_layers), 1);
  }
  b.per_layer("layer_types", {"full_attention", "sliding_attention"}, layers);
  b.check(!b.reader().has("layer_types") || static_cast<std::int64_t>(layers.size()) == num_layers,
          "layer_types",
          "expected " + std::to_string(num_layers) + " entries, one a layer, found " +
              std::to_string(layers.size()));
  if (b.to_megatron()) {
    const bool any = layers.empty() || std::find(layers.begin(), layers.end(), 1) != layers.end();
    const bool all = std::find(layers.begin(), layers.end(), 0) == layers.end();
    m.sliding_window = any ? sliding_window : std::nullopt;
    m.window_layers = m.sliding_window && !all ? layers : std::vector<std::int64_t>{};
  }
}

void bind_no_rope_layers(ConfigBinding& b, std::vector<std::int64_t>& rotated, std::int64_t num_layers) {
  TransformerConfig& m = b.megatron;
  if (b.from_megatron()) rotated.assign(static_cast<std::size_t>(num_layers), 1);
  for (std::size_t k = 0; b.from_megatron() && k < m.no_rope_layers.size(); ++k)
    rotated.at(k) = 1 - m.no_rope_layers[k];
  b.integers("no_rope_layers", rotated);
  if (b.reading() && rotated.empty()) {
    const std::int64_t interval = b.reader().integer("no_rope_layer_interval", 4);
    b.check(interval > 0, "no_rope_layer_interval", "expected 1 or more");
    for (std::int64_t i = 0; i < num_layers; ++i) rotated.push_back((i + 1) % interval != 0 ? 1 : 0);
  }
  b.check(static_cast<std::int64_t>(rotated.size()) == num_layers, "no_rope_layers",
          "expected one entry a layer");
  if (b.to_megatron()) {
    for (const std::int64_t rotates : rotated) m.no_rope_layers.push_back(rotates != 0 ? 0 : 1);
  }
}

}  // namespace mhub
