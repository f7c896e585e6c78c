// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

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

/// What the configs of Mistral AI's models have in common: other defaults than Llama's.
struct MistralDefaults : DecoderConfig {
  MistralDefaults()
      : DecoderConfig{
            .intermediate_size = 14336, .max_position_embeddings = 4096 * 32, .num_key_value_heads = 8} {}
};

/// transformers' MistralConfig: a window in every layer.
struct MistralConfig : MistralDefaults {
  std::optional<std::int64_t> sliding_window = 4096;

  void bind(ConfigBinding& b);
  void bind(ConfigBinding& b, const DecoderKeys& keys);
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
struct MinistralConfig : MistralDefaults {
  WindowConfig window{4096, {}};

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

/// transformers' Ministral3Config: Mistral's, with YaRN and queries that grow with their position.
struct Ministral3Config : MistralConfig {
  Ministral3Config();
  void bind(ConfigBinding& b);
};

/// Ministral 3 (text): Llama's tensors. The growth of queries begins behind the length trained with; Megatron
/// has none.
struct Ministral3ForCausalLM {
  using Config = Ministral3Config;
  static constexpr const char* class_name = "Ministral3ForCausalLM";
  static constexpr const char* config_class = "Ministral3Config";
  static constexpr const char* model_type = "ministral3";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const Ministral3Config& config, const TransformerConfig& megatron);
};

/// Mistral Small 3.1 and later and Ministral 3 as published, with Pixtral's tower: the decoder, Mistral's or
/// Ministral 3's, goes to Megatron, the rest is carried.
struct Mistral3ForConditionalGeneration
    : DecoderOfMultimodal<Mistral3ForConditionalGeneration, MistralForCausalLM> {
  static constexpr const char* class_name = "Mistral3ForConditionalGeneration";
  static constexpr const char* config_class = "Mistral3Config";
  static constexpr const char* model_type = "mistral3";
  static MultimodalNames names() { return {}; }
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::llama
