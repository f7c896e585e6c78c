// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::mixtral {

/// transformers' MixtralConfig.
struct MixtralConfig : DecoderConfig {
  std::int64_t num_local_experts = 8, num_experts_per_tok = 2;
  double router_aux_loss_coef = 0.001;
  std::optional<std::int64_t> sliding_window;

  MixtralConfig();
  void bind(ConfigBinding& b);
};

/// Mixtral 8x7B and 8x22B: Mistral's attention, experts in every layer.
struct MixtralForCausalLM {
  using Config = MixtralConfig;
  static constexpr const char* class_name = "MixtralForCausalLM";
  static constexpr const char* config_class = "MixtralConfig";
  static constexpr const char* model_type = "mixtral";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const MixtralConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::mixtral
