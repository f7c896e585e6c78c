// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::olmo {

/// transformers' Olmo2Config.
struct Olmo2Config : DecoderConfig {
  Olmo2Config();
  void bind(ConfigBinding& b);
};

/// OLMo 2: norms only behind attention and MLP, and norms on q and k that span all heads.
struct Olmo2ForCausalLM {
  using Config = Olmo2Config;
  static constexpr const char* class_name = "Olmo2ForCausalLM";
  static constexpr const char* config_class = "Olmo2Config";
  static constexpr const char* model_type = "olmo2";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const Olmo2Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::olmo
