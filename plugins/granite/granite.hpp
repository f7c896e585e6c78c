// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::granite {

/// transformers' GraniteConfig.
struct GraniteConfig : DecoderConfig {
  bool attention_bias = false, mlp_bias = false;
  double embedding_multiplier = 1.0, residual_multiplier = 1.0;
  double attention_multiplier = 1.0;  ///< in the place of 1 / sqrt(head_dim)
  double logits_scaling = 1.0;        ///< logits are divided by it

  void bind(ConfigBinding& b);
};

/// Granite 3: Llama with multipliers on embeddings, attention, residual branches and logits.
struct GraniteForCausalLM {
  using Config = GraniteConfig;
  static constexpr const char* class_name = "GraniteForCausalLM";
  static constexpr const char* config_class = "GraniteConfig";
  static constexpr const char* model_type = "granite";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const GraniteConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::granite
