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
};

}  // namespace mhub::llava
