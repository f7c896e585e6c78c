#include "mhub/model/decoder_config.hpp"

namespace mhub {

void DecoderConfig::bind(ConfigBinding& b) {
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
  b.rotary(rotary);
  if (b.reading()) {  // what transformers derives
    if (num_key_value_heads == 0) num_key_value_heads = num_attention_heads;
    if (head_dim == 0) head_dim = hidden_size / num_attention_heads;
  }
  b.divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
}

}  // namespace mhub
