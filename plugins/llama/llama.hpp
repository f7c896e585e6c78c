#pragma once

#include "mhub/model/descriptor.hpp"

namespace mhub::llama {

/// transformers' LlamaConfig: the fields that shape the model. Its siblings read the same fields.
struct LlamaConfig {
  std::int64_t vocab_size, hidden_size, intermediate_size, num_hidden_layers;
  std::int64_t num_attention_heads, num_key_value_heads, head_dim, max_position_embeddings;
  double rms_norm_eps, attention_dropout, initializer_range;
  std::string hidden_act;
  bool tie_word_embeddings, attention_bias, mlp_bias;
  std::optional<std::int64_t> sliding_window;
  TransformerConfig rope;  ///< only the rotary fields

  static LlamaConfig from(const ConfigReader& json);
};

/// Llama 1, 2, 3.x and what is built like them: RMSNorm, rotary positions, grouped queries, SwiGLU.
struct LlamaForCausalLM {
  using Config = LlamaConfig;
  static constexpr const char* class_name = "LlamaForCausalLM";
  static constexpr const char* config_class = "LlamaConfig";
  static constexpr const char* model_type = "llama";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static TransformerConfig megatron(const LlamaConfig& config);
  static Mapping mapping(const LlamaConfig& config);
};

/// Mistral's config: Llama's with other defaults and a sliding window.
struct MistralConfig : LlamaConfig {
  static MistralConfig from(const ConfigReader& json);
};

/// Mistral 7B and its derivatives: Llama's tensors.
struct MistralForCausalLM : LlamaForCausalLM {
  using Config = MistralConfig;
  static constexpr const char* class_name = "MistralForCausalLM";
  static constexpr const char* config_class = "MistralConfig";
  static constexpr const char* model_type = "mistral";
};

}  // namespace mhub::llama
