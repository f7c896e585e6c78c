// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

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

}  // namespace mhub::hunyuan
