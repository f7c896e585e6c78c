// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::glm_moe {

/// transformers' Glm4MoeConfig.
struct Glm4MoeConfig : DecoderConfig {
  std::int64_t n_routed_experts = 128, num_experts_per_tok = 8, moe_intermediate_size = 1408;
  std::optional<std::int64_t> n_shared_experts = 1, n_group = 1, topk_group = 1;
  std::int64_t first_k_dense_replace = 1, num_nextn_predict_layers = 0;
  double routed_scaling_factor = 1.0;
  bool attention_bias = false, use_qk_norm = false;

  Glm4MoeConfig();
  void bind(ConfigBinding& b);
};

/// GLM-4.5, 4.6, 4.7 and their Air versions: partial rotary positions, biases on q, k, v, sigmoid router,
/// multi-token prediction.
struct Glm4MoeForCausalLM {
  using Config = Glm4MoeConfig;
  static constexpr const char* class_name = "Glm4MoeForCausalLM";
  static constexpr const char* config_class = "Glm4MoeConfig";
  static constexpr const char* model_type = "glm4_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Glm4MoeConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return without_absent_blocks(config, tensors);
  }
};

/// transformers' SolarOpenConfig.
struct SolarOpenConfig : Glm4MoeConfig {
  SolarOpenConfig();
  void bind(ConfigBinding& b);
};

/// Solar Open: GLM-4.5 with experts in every layer, of which all of a head rotates.
struct SolarOpenForCausalLM {
  using Config = SolarOpenConfig;
  static constexpr const char* class_name = "SolarOpenForCausalLM";
  static constexpr const char* config_class = "SolarOpenConfig";
  static constexpr const char* model_type = "solar_open";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // GLM-4.5 by another name
  static Mapping mapping(const SolarOpenConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::glm_moe
