#pragma once

#include "mhub/model/descriptor.hpp"

namespace mhub::gpt2 {

/// transformers' GPT2Config: the fields that shape the model.
struct GPT2Config {
  std::int64_t vocab_size, n_positions, n_embd, n_layer, n_head, n_inner;
  double layer_norm_epsilon, attn_pdrop, resid_pdrop, initializer_range;
  std::string activation_function;
  bool tie_word_embeddings;

  static GPT2Config from(const ConfigReader& json);
};

/// GPT-2 and its sizes and distillations: LayerNorm with biases, learned positions, fused c_attn, Conv1D
/// weights that are stored [in, out], tied head.
struct GPT2LMHeadModel {
  using Config = GPT2Config;
  static constexpr const char* class_name = "GPT2LMHeadModel";
  static constexpr const char* config_class = "GPT2Config";
  static constexpr const char* model_type = "gpt2";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static TransformerConfig megatron(const GPT2Config& config);
  static Mapping mapping(const GPT2Config& config);
};

}  // namespace mhub::gpt2
