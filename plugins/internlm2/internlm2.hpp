// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::internlm2 {

/// InternLM2Config of the models' own code (internlm/internlm2-7b, configuration_internlm2.py).
struct InternLM2Config : DecoderConfig {
  bool bias = true;  ///< on wqkv and wo; the published models say false

  InternLM2Config();
  void bind(ConfigBinding& b);
};

/// InternLM2 and 2.5: Llama with q, k and v of a query group together, under its own names.
struct InternLM2ForCausalLM {
  using Config = InternLM2Config;
  static constexpr const char* class_name = "InternLM2ForCausalLM";
  static constexpr const char* config_class = "InternLM2Config";
  static constexpr const char* model_type = "internlm2";
  static constexpr const char* tokenizer_class = "InternLM2TokenizerFast";
  static Mapping mapping(const InternLM2Config& config, const TransformerConfig& megatron);
};

/// InternLM3Config of the model's own code (internlm/internlm3-8b-instruct, configuration_internlm3.py).
struct InternLM3Config : DecoderConfig {
  InternLM3Config();
  void bind(ConfigBinding& b);
};

/// InternLM3: Llama.
struct InternLM3ForCausalLM {
  using Config = InternLM3Config;
  static constexpr const char* class_name = "InternLM3ForCausalLM";
  static constexpr const char* config_class = "InternLM3Config";
  static constexpr const char* model_type = "internlm3";
  static constexpr const char* tokenizer_class = "InternLM3Tokenizer";
  static constexpr int preference = -1;  // Llama by another name
  static Mapping mapping(const InternLM3Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::internlm2
