// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::nemotron {

/// transformers' NemotronConfig.
struct NemotronConfig : DecoderConfig {
  bool attention_bias = false, mlp_bias = false;

  NemotronConfig();
  void bind(ConfigBinding& b);
};

/// Nemotron-4, Minitron: LayerNorm with weights stored minus one, squared ReLU, part of each head rotates.
struct NemotronForCausalLM {
  using Config = NemotronConfig;
  static constexpr const char* class_name = "NemotronForCausalLM";
  static constexpr const char* config_class = "NemotronConfig";
  static constexpr const char* model_type = "nemotron";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const NemotronConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::nemotron
