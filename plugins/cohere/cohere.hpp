// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::cohere {

/// transformers' CohereConfig.
struct CohereConfig : DecoderConfig {
  double logit_scale = 0.0625;  ///< logits are multiplied by it

  CohereConfig();
  void bind(ConfigBinding& b);
};

/// Command R, Aya 23: attention and MLP side by side behind one LayerNorm without bias, rotation by pairs of
/// neighbours.
struct CohereForCausalLM {
  using Config = CohereConfig;
  static constexpr const char* class_name = "CohereForCausalLM";
  static constexpr const char* config_class = "CohereConfig";
  static constexpr const char* model_type = "cohere";
  static constexpr const char* tokenizer_class = "CohereTokenizerFast";
  static Mapping mapping(const CohereConfig& config, const TransformerConfig& megatron);
};

/// transformers' Cohere2Config.
struct Cohere2Config : CohereConfig {
  WindowConfig window{4096, {}};
  std::int64_t sliding_window_pattern = 4;  ///< every so many layers, one attends to everything

  void bind(ConfigBinding& b);
};

/// Command R7B, Command A: Command R with a window in three layers of four; the others do not rotate.
struct Cohere2ForCausalLM {
  using Config = Cohere2Config;
  static constexpr const char* class_name = "Cohere2ForCausalLM";
  static constexpr const char* config_class = "Cohere2Config";
  static constexpr const char* model_type = "cohere2";
  static constexpr const char* tokenizer_class = "CohereTokenizerFast";
  static Mapping mapping(const Cohere2Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::cohere
