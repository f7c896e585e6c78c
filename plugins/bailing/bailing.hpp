// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::bailing {

/// BailingMoeConfig of the models' own code (inclusionAI/Ling-lite-1.5, configuration_bailing_moe.py).
struct BailingMoeConfig : DecoderConfig {
  std::int64_t num_experts = 16, num_experts_per_tok = 2, moe_intermediate_size = 1408;
  std::optional<std::int64_t> num_shared_experts;
  std::int64_t first_k_dense_replace = 0;
  bool norm_topk_prob = true, use_qkv_bias = false;

  BailingMoeConfig();
  void bind(ConfigBinding& b);
};

/// Ling-lite, Ling-plus and Ring-lite: DeepSeekMoE under names of its own, with q, k and v in one tensor.
struct BailingMoeForCausalLM {
  using Config = BailingMoeConfig;
  static constexpr const char* class_name = "BailingMoeForCausalLM";
  static constexpr const char* config_class = "BailingMoeConfig";
  static constexpr const char* model_type = "bailing_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -2;  // DeepSeekMoE by another name
  static Mapping mapping(const BailingMoeConfig& config, const TransformerConfig& megatron);
};

/// BailingMoeV2Config of the models' own code (inclusionAI/Ling-mini-2.0, configuration_bailing_moe_v2.py).
struct BailingMoeV2Config : DecoderConfig {
  std::int64_t num_experts = 256, num_experts_per_tok = 8, moe_intermediate_size = 512;
  std::optional<std::int64_t> num_shared_experts = 1, n_group = 8, topk_group = 4;
  std::int64_t first_k_dense_replace = 1, num_nextn_predict_layers = 0;
  double routed_scaling_factor = 1.0;
  bool use_qkv_bias = false, use_qk_norm = true;

  BailingMoeV2Config();
  void bind(ConfigBinding& b);
};

/// Ling 2 and Ring 2: GLM-4.5 under names of their own, with q, k and v in one tensor.
struct BailingMoeV2ForCausalLM {
  using Config = BailingMoeV2Config;
  static constexpr const char* class_name = "BailingMoeV2ForCausalLM";
  static constexpr const char* config_class = "BailingMoeV2Config";
  static constexpr const char* model_type = "bailing_moe_v2";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // GLM-4.5 by another name
  static Mapping mapping(const BailingMoeV2Config& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return without_absent_blocks(config, tensors);
  }
};

/// SarvamMoEConfig of the models' own code (sarvamai/sarvam-30b, configuration_sarvam_moe.py; the sizes of
/// the published model stand in Megatron-Bridge, models/sarvam/sarvam_provider.py).
struct SarvamMoEConfig : BailingMoeV2Config {
  SarvamMoEConfig();
  void bind(ConfigBinding& b);
};

/// Sarvam 30B: Ling 2 without prediction blocks, all of a head rotates.
struct SarvamMoEForCausalLM {
  using Config = SarvamMoEConfig;
  static constexpr const char* class_name = "SarvamMoEForCausalLM";
  static constexpr const char* config_class = "SarvamMoEConfig";
  static constexpr const char* model_type = "sarvam_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -2;  // Ling 2 by another name
  static Mapping mapping(const SarvamMoEConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::bailing
