// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::hunyuan {

/// What transformers' HunYuanDenseV1Config and HunYuanMoEV1Config have in common.
struct HunYuanConfig : DecoderConfig {
  HunYuanConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_alpha(ConfigBinding& b);
};

/// transformers' HunYuanDenseV1Config.
struct HunYuanDenseV1Config : HunYuanConfig {};

/// Hunyuan (dense): Llama with norms on the heads of q and k behind the rotation.
struct HunYuanDenseV1ForCausalLM {
  using Config = HunYuanDenseV1Config;
  static constexpr const char* class_name = "HunYuanDenseV1ForCausalLM";
  static constexpr const char* config_class = "HunYuanDenseV1Config";
  static constexpr const char* model_type = "hunyuan_v1_dense";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const HunYuanDenseV1Config& config, const TransformerConfig& megatron);
};

/// transformers' HunYuanMoEV1Config.
struct HunYuanMoEV1Config : HunYuanConfig {
  std::int64_t num_experts = 1, moe_topk = 1;

  void bind(ConfigBinding& b);
};

/// Hunyuan-A13B: the same with experts in every layer, beside a shared one of their size.
struct HunYuanMoEV1ForCausalLM {
  using Config = HunYuanMoEV1Config;
  static constexpr const char* class_name = "HunYuanMoEV1ForCausalLM";
  static constexpr const char* config_class = "HunYuanMoEV1Config";
  static constexpr const char* model_type = "hunyuan_v1_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const HunYuanMoEV1Config& config, const TransformerConfig& megatron);
};

/// transformers' HYV3Config.
struct HYV3Config : DecoderConfig {
  std::int64_t num_experts = 192, num_experts_per_tok = 8, moe_intermediate_size = 1536;
  std::optional<std::int64_t> num_shared_experts = 1;
  std::int64_t first_k_dense_replace = 1, num_nextn_predict_layers = 0;
  double router_scaling_factor = 2.826;

  HYV3Config();
  void bind(ConfigBinding& b);
};

/// Hunyuan 3: Qwen3's attention, experts behind a sigmoid router, multi-token prediction.
struct HYV3ForCausalLM {
  using Config = HYV3Config;
  static constexpr const char* class_name = "HYV3ForCausalLM";
  static constexpr const char* config_class = "HYV3Config";
  static constexpr const char* model_type = "hy_v3";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // GLM-4.5 by another name
  static Mapping mapping(const HYV3Config& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return without_absent_blocks(config, tensors);
  }
};

}  // namespace mhub::hunyuan
