// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::gpt_oss {

/// transformers' GptOssConfig.
struct GptOssConfig : DecoderConfig {
  std::int64_t num_local_experts = 128, num_experts_per_tok = 4;
  double router_aux_loss_coef = 0.001, swiglu_limit = 7.0;
  WindowConfig window{128, {}};  ///< `layers` is empty only until read

  GptOssConfig();
  void bind(ConfigBinding& b);
};

/// gpt-oss 20b and 120b: biases everywhere, a sink logit per head, a window in every other layer, stacked
/// experts with alternating gate and up columns.
struct GptOssForCausalLM {
  using Config = GptOssConfig;
  static constexpr const char* class_name = "GptOssForCausalLM";
  static constexpr const char* config_class = "GptOssConfig";
  static constexpr const char* model_type = "gpt_oss";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const GptOssConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::gpt_oss
