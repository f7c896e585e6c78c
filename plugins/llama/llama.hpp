#pragma once

#include "mhub/model/decoder_config.hpp"
#include "mhub/model/descriptor.hpp"

namespace mhub::llama {

/// transformers' LlamaConfig.
struct LlamaConfig : DecoderConfig {
  bool attention_bias = false, mlp_bias = false;

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

/// transformers' MistralConfig: other defaults, and a window in every layer.
struct MistralConfig : DecoderConfig {
  std::optional<std::int64_t> sliding_window = 4096;

  MistralConfig();
  void bind(ConfigBinding& b);
};

/// Mistral 7B, Nemo, Small and what is built like them: Llama's tensors.
struct MistralForCausalLM {
  using Config = MistralConfig;
  static constexpr const char* class_name = "MistralForCausalLM";
  static constexpr const char* config_class = "MistralConfig";
  static constexpr const char* model_type = "mistral";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const MistralConfig& config, const TransformerConfig& megatron);
};

/// transformers' MinistralConfig: Mistral's, with layers that have the window and layers that do not.
struct MinistralConfig : DecoderConfig {
  WindowConfig window{4096, {}};

  MinistralConfig();
  void bind(ConfigBinding& b);
};

/// Ministral 8B: Llama's tensors, a window in three layers of four.
struct MinistralForCausalLM {
  using Config = MinistralConfig;
  static constexpr const char* class_name = "MinistralForCausalLM";
  static constexpr const char* config_class = "MinistralConfig";
  static constexpr const char* model_type = "ministral";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const MinistralConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::llama
