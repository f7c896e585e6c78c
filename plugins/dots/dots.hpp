// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::dots {

/// transformers' Dots1Config.
struct Dots1Config : DecoderConfig {
  std::int64_t n_routed_experts = 0, num_experts_per_tok = 0, moe_intermediate_size = 1408;
  std::optional<std::int64_t> n_shared_experts, n_group = 1, topk_group = 1;
  std::int64_t first_k_dense_replace = 0;
  double routed_scaling_factor = 1.0;
  WindowConfig window{4096, {}};

  Dots1Config();
  void bind(ConfigBinding& b);
};

/// dots.llm1: Qwen3's attention, DeepSeek-V3's experts.
struct Dots1ForCausalLM {
  using Config = Dots1Config;
  static constexpr const char* class_name = "Dots1ForCausalLM";
  static constexpr const char* config_class = "Dots1Config";
  static constexpr const char* model_type = "dots1";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // GLM-4.5 by another name
  static Mapping mapping(const Dots1Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::dots
