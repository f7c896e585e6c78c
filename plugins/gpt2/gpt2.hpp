// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::gpt2 {

/// transformers' GPT2Config: the fields that shape the model.
struct GPT2Config {
  std::int64_t vocab_size = 50257, n_positions = 1024, n_embd = 768, n_layer = 12, n_head = 12;
  std::optional<std::int64_t> n_inner;  ///< absent: 4 * n_embd
  double layer_norm_epsilon = 1e-5, attn_pdrop = 0.1, resid_pdrop = 0.1, initializer_range = 0.02;
  std::string activation_function = "gelu_new";
  bool tie_word_embeddings = true;

  void bind(ConfigBinding& b);
};

/// GPT-2 and its sizes and distillations: LayerNorm with biases, learned positions, fused c_attn, Conv1D
/// weights that are stored [in, out], tied head.
struct GPT2LMHeadModel {
  using Config = GPT2Config;
  static constexpr const char* class_name = "GPT2LMHeadModel";
  static constexpr const char* config_class = "GPT2Config";
  static constexpr const char* model_type = "gpt2";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const GPT2Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::gpt2
