// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::olmo {

/// transformers' Olmo2Config.
struct Olmo2Config : DecoderConfig {
  Olmo2Config();
  void bind(ConfigBinding& b);

 protected:
  void bind(ConfigBinding& b, bool scaled_windows);
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

/// transformers' Olmo3Config.
struct Olmo3Config : Olmo2Config {
  WindowConfig window{4096, {}};

  void bind(ConfigBinding& b);
};

/// OLMo 3: OLMo 2 with a window in three layers of four, which a scaling of positions leaves alone.
struct Olmo3ForCausalLM {
  using Config = Olmo3Config;
  static constexpr const char* class_name = "Olmo3ForCausalLM";
  static constexpr const char* config_class = "Olmo3Config";
  static constexpr const char* model_type = "olmo3";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const Olmo3Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::olmo
