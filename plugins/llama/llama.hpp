#pragma once

#include "mhub/model/descriptor.hpp"

namespace mhub::llama {

/// transformers' LlamaConfig: the fields that shape the model. Its siblings read the same fields.
struct LlamaConfig {
  std::int64_t vocab_size = 32000, hidden_size = 4096, intermediate_size = 11008, num_hidden_layers = 32;
  std::int64_t num_attention_heads = 32, max_position_embeddings = 2048;
  std::int64_t num_key_value_heads = 0;  ///< 0 only until read: as many as attention heads
  std::int64_t head_dim = 0;             ///< 0 only until read: hidden_size / num_attention_heads
  double rms_norm_eps = 1e-6, attention_dropout = 0.0, initializer_range = 0.02;
  std::string hidden_act = "silu";
  bool tie_word_embeddings = false, attention_bias = false, mlp_bias = false;
  RotaryConfig rotary;

  void bind(ConfigBinding& b);
};

/// Llama 1, 2, 3.x and what is built like them: RMSNorm, rotary positions, grouped queries, SwiGLU.
struct LlamaForCausalLM {
  using Config = LlamaConfig;
  static constexpr const char* class_name = "LlamaForCausalLM";
  static constexpr const char* config_class = "LlamaConfig";
  static constexpr const char* model_type = "llama";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static constexpr int preference = 1;  // many families are Llama by another name
  static Mapping mapping(const LlamaConfig& config, const TransformerConfig& megatron);
};

/// Mistral's config: Llama's with other defaults and a sliding window.
struct MistralConfig : LlamaConfig {
  std::optional<std::int64_t> sliding_window = 4096;

  MistralConfig();
  void bind(ConfigBinding& b);
};

/// Mistral 7B and its derivatives: Llama's tensors.
struct MistralForCausalLM {
  using Config = MistralConfig;
  static constexpr const char* class_name = "MistralForCausalLM";
  static constexpr const char* config_class = "MistralConfig";
  static constexpr const char* model_type = "mistral";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const MistralConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::llama
