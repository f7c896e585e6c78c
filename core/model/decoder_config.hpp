#pragma once

#include <cstdint>
#include <string>

#include "mhub/model/config_binding.hpp"

namespace mhub {

/// The fields that nearly every config of a decoder has, under the names that transformers gives them, for
/// plugins whose config is these and a few more.
struct DecoderConfig {
  std::int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, num_hidden_layers = 32;
  std::int64_t num_attention_heads = 32, max_position_embeddings = 2048;
  std::int64_t num_key_value_heads = 0;  ///< 0 only until read: as many as attention heads
  std::int64_t head_dim = 0;             ///< 0 only until read: hidden_size / num_attention_heads
  double rms_norm_eps = 1e-6, attention_dropout = 0.0, initializer_range = 0.02;
  std::string hidden_act = "silu";
  bool tie_word_embeddings = false;
  RotaryConfig rotary;

  void bind(ConfigBinding& b);
};

}  // namespace mhub
