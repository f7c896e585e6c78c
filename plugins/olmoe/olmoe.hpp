// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::olmoe {

/// transformers' OlmoeConfig.
struct OlmoeConfig : DecoderConfig {
  std::int64_t num_experts = 64, num_experts_per_tok = 8;
  bool norm_topk_prob = false;
  double router_aux_loss_coef = 0.01;

  OlmoeConfig();
  void bind(ConfigBinding& b);
};

/// OLMoE: experts in every layer, norms over all heads of q and of k together.
struct OlmoeForCausalLM {
  using Config = OlmoeConfig;
  static constexpr const char* class_name = "OlmoeForCausalLM";
  static constexpr const char* config_class = "OlmoeConfig";
  static constexpr const char* model_type = "olmoe";
  static constexpr const char* tokenizer_class = "GPTNeoXTokenizerFast";
  static Mapping mapping(const OlmoeConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::olmoe
