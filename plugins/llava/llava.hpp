// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::llava {

/// transformers' LlavaConfig.
struct LlavaConfig : VisionLanguageConfig {
  void bind(ConfigBinding& b);
};

/// LLaVA 1.5 and what is built like it: a decoder of any registered class, CLIP's vision tower, two linear
/// layers.
struct LlavaForConditionalGeneration {
  using Config = LlavaConfig;
  static constexpr const char* class_name = "LlavaForConditionalGeneration";
  static constexpr const char* config_class = "LlavaConfig";
  static constexpr const char* model_type = "llava";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const LlavaConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return completed_vision_language_config(config, tensors);
  }
};

/// transformers' LlavaNextConfig. Into which tiles pictures are cut is the processor's business.
struct LlavaNextConfig : LlavaConfig {};

/// LLaVA-NeXT (LLaVA 1.6): pictures are cut into tiles, and a learned vector, which Megatron's model has no
/// place for and is carried, ends each row of their features.
struct LlavaNextForConditionalGeneration {
  using Config = LlavaNextConfig;
  static constexpr const char* class_name = "LlavaNextForConditionalGeneration";
  static constexpr const char* config_class = "LlavaNextConfig";
  static constexpr const char* model_type = "llava_next";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static constexpr bool partly_described = true;
  static Mapping mapping(const LlavaNextConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return completed_vision_language_config(config, tensors);
  }
  static VisionParts vision(const LlavaNextConfig& config, const ConfigReader& json);
};

}  // namespace mhub::llava
