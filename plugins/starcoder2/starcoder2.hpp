// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::starcoder2 {

/// transformers' Starcoder2Config.
struct Starcoder2Config : DecoderConfig {
  bool use_bias = true;
  std::optional<std::int64_t> sliding_window;

  Starcoder2Config();
  void bind(ConfigBinding& b);
};

/// StarCoder2: LayerNorm, plain tanh GELU, biases everywhere, rotary positions, grouped queries, a window.
struct Starcoder2ForCausalLM {
  using Config = Starcoder2Config;
  static constexpr const char* class_name = "Starcoder2ForCausalLM";
  static constexpr const char* config_class = "Starcoder2Config";
  static constexpr const char* model_type = "starcoder2";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const Starcoder2Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::starcoder2
