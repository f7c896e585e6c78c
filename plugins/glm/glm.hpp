// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::glm {

/// transformers' GlmConfig, and Glm4Config, which has the same fields.
struct GlmConfig : DecoderConfig {
  bool attention_bias = true;

  GlmConfig();
  void bind(ConfigBinding& b);
};

/// GLM-4 9B: biases on q, k and v, gate and up in one tensor, half of each head rotates, by pairs of
/// neighbours.
struct GlmForCausalLM {
  using Config = GlmConfig;
  static constexpr const char* class_name = "GlmForCausalLM";
  static constexpr const char* config_class = "GlmConfig";
  static constexpr const char* model_type = "glm";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const GlmConfig& config, const TransformerConfig& megatron);
};

/// transformers' Glm4Config.
struct Glm4Config : GlmConfig {
  void bind(ConfigBinding& b);
};

/// GLM-4-0414: GLM with norms behind attention and MLP too.
struct Glm4ForCausalLM {
  using Config = Glm4Config;
  static constexpr const char* class_name = "Glm4ForCausalLM";
  static constexpr const char* config_class = "Glm4Config";
  static constexpr const char* model_type = "glm4";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Glm4Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::glm
