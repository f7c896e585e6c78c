// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::phi {

/// transformers' PhiConfig.
struct PhiConfig : DecoderConfig {
  bool qk_layernorm = false;

  PhiConfig();
  void bind(ConfigBinding& b);
};

/// Phi-1, Phi-1.5, Phi-2: attention and MLP side by side behind one LayerNorm, biases everywhere, part of
/// each head rotates.
struct PhiForCausalLM {
  using Config = PhiConfig;
  static constexpr const char* class_name = "PhiForCausalLM";
  static constexpr const char* config_class = "PhiConfig";
  static constexpr const char* model_type = "phi";
  static constexpr const char* tokenizer_class = "CodeGenTokenizerFast";
  static Mapping mapping(const PhiConfig& config, const TransformerConfig& megatron);
};

/// transformers' Phi3Config.
struct Phi3Config : DecoderConfig {
  std::optional<std::int64_t> sliding_window;

  Phi3Config();
  void bind(ConfigBinding& b);
};

/// Phi-3, Phi-3.5, Phi-4 and Phi-4-mini: Llama with q, k, v in one tensor, and gate and up in another.
struct Phi3ForCausalLM {
  using Config = Phi3Config;
  static constexpr const char* class_name = "Phi3ForCausalLM";
  static constexpr const char* config_class = "Phi3Config";
  static constexpr const char* model_type = "phi3";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const Phi3Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::phi
