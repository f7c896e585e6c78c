// SPDX-License-Identifier: Apache-2.0
// Llama's tensors under other class names, with a field or two more.
#pragma once

#include "llama.hpp"

namespace mhub::llama {

/// transformers' SmolLM3Config.
struct SmolLM3Config : LlamaConfig {
  std::vector<std::int64_t> no_rope_layers;  ///< one a layer; 1, whatever the name says: it rotates

  SmolLM3Config();
  void bind(ConfigBinding& b);
};

/// SmolLM3: Llama, of which every fourth layer does not rotate.
struct SmolLM3ForCausalLM {
  using Config = SmolLM3Config;
  static constexpr const char* class_name = "SmolLM3ForCausalLM";
  static constexpr const char* config_class = "SmolLM3Config";
  static constexpr const char* model_type = "smollm3";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const SmolLM3Config& config, const TransformerConfig& megatron);
};

/// transformers' SeedOssConfig.
struct SeedOssConfig : DecoderConfig {
  bool attention_bias = true, attention_out_bias = false, mlp_bias = false;

  SeedOssConfig();
  void bind(ConfigBinding& b);
};

/// Seed-OSS: Llama with biases on q, k and v.
struct SeedOssForCausalLM {
  using Config = SeedOssConfig;
  static constexpr const char* class_name = "SeedOssForCausalLM";
  static constexpr const char* config_class = "SeedOssConfig";
  static constexpr const char* model_type = "seed_oss";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // Qwen2 by another name
  static Mapping mapping(const SeedOssConfig& config, const TransformerConfig& megatron);
};

/// transformers' ArceeConfig.
struct ArceeConfig : LlamaConfig {
  ArceeConfig();
  void bind(ConfigBinding& b);
};

/// Arcee AFM: Llama with an MLP that has no gate, and a squared ReLU.
struct ArceeForCausalLM {
  using Config = ArceeConfig;
  static constexpr const char* class_name = "ArceeForCausalLM";
  static constexpr const char* config_class = "ArceeConfig";
  static constexpr const char* model_type = "arcee";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const ArceeConfig& config, const TransformerConfig& megatron);
};

/// transformers' CwmConfig.
struct CwmConfig : LlamaConfig {
  WindowConfig window{8192, {}};

  CwmConfig();
  void bind(ConfigBinding& b);
};

/// Code World Model: Llama with a window in three layers of four.
struct CwmForCausalLM {
  using Config = CwmConfig;
  static constexpr const char* class_name = "CwmForCausalLM";
  static constexpr const char* config_class = "CwmConfig";
  static constexpr const char* model_type = "cwm";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // Ministral by another name
  static Mapping mapping(const CwmConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::llama
