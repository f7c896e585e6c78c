// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::qwen {

/// What transformers' Qwen2Config and Qwen3Config share: a window that is off unless use_sliding_window says
/// so, and then begins with layer max_window_layers.
struct QwenConfig : DecoderConfig {
  bool use_sliding_window = false;
  std::int64_t max_window_layers = 28;
  WindowConfig window{4096, {}};

  QwenConfig();
  void bind(ConfigBinding& b);
};

/// transformers' Qwen2Config.
struct Qwen2Config : QwenConfig {
  void bind(ConfigBinding& b);
};

/// Qwen2, Qwen2.5 and what is built on them: Llama with biases on q, k and v.
struct Qwen2ForCausalLM {
  using Config = Qwen2Config;
  static constexpr const char* class_name = "Qwen2ForCausalLM";
  static constexpr const char* config_class = "Qwen2Config";
  static constexpr const char* model_type = "qwen2";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static Mapping mapping(const Qwen2Config& config, const TransformerConfig& megatron);
};

/// transformers' Qwen3Config.
struct Qwen3Config : QwenConfig {
  Qwen3Config() { head_dim = 128; }
  void bind(ConfigBinding& b);
};

/// Qwen3: norms on the heads of q and k, a head dimension of its own, no biases.
struct Qwen3ForCausalLM {
  using Config = Qwen3Config;
  static constexpr const char* class_name = "Qwen3ForCausalLM";
  static constexpr const char* config_class = "Qwen3Config";
  static constexpr const char* model_type = "qwen3";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static Mapping mapping(const Qwen3Config& config, const TransformerConfig& megatron);
};

/// MiMoConfig of the model's own code (XiaomiMiMo/MiMo-7B-Base, configuration_mimo.py).
struct MiMoConfig : Qwen2Config {
  std::int64_t num_nextn_predict_layers = 0;

  MiMoConfig();
  void bind(ConfigBinding& b);
};

/// MiMo 7B: Qwen2 with a prediction block.
struct MiMoForCausalLM {
  using Config = MiMoConfig;
  static constexpr const char* class_name = "MiMoForCausalLM";
  static constexpr const char* config_class = "MiMoConfig";
  static constexpr const char* model_type = "mimo";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static constexpr int preference = -1;  // Qwen2 where there is no block
  static Mapping mapping(const MiMoConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::qwen
