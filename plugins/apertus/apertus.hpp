// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::apertus {

/// transformers' ApertusConfig.
struct ApertusConfig : DecoderConfig {
  ApertusConfig();
  void bind(ConfigBinding& b);
};

/// Apertus: norms on the heads of q and k, and an MLP without a gate whose activation, xIELU, is learned.
struct ApertusForCausalLM {
  using Config = ApertusConfig;
  static constexpr const char* class_name = "ApertusForCausalLM";
  static constexpr const char* config_class = "ApertusConfig";
  static constexpr const char* model_type = "apertus";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const ApertusConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::apertus
