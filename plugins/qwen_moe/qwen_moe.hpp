// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::qwen_moe {

/// What transformers' Qwen2MoeConfig and Qwen3MoeConfig have in common.
struct QwenMoeConfig : DecoderConfig {
  std::int64_t num_experts = 128, num_experts_per_tok = 8, moe_intermediate_size = 768;
  std::int64_t decoder_sparse_step = 1;
  std::vector<std::int64_t> mlp_only_layers;
  bool norm_topk_prob = false;
  double router_aux_loss_coef = 0.001;

  void bind(ConfigBinding& b);
};

struct Qwen2MoeConfig : QwenMoeConfig {
  std::int64_t shared_expert_intermediate_size = 5632;
  bool qkv_bias = true;

  Qwen2MoeConfig();
  void bind(ConfigBinding& b);
};

/// Qwen1.5-MoE and Qwen2-MoE: biases on q, k, v; a shared expert behind a gate.
struct Qwen2MoeForCausalLM {
  using Config = Qwen2MoeConfig;
  static constexpr const char* class_name = "Qwen2MoeForCausalLM";
  static constexpr const char* config_class = "Qwen2MoeConfig";
  static constexpr const char* model_type = "qwen2_moe";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static Mapping mapping(const Qwen2MoeConfig& config, const TransformerConfig& megatron);
};

struct Qwen3MoeConfig : QwenMoeConfig {
  Qwen3MoeConfig();
  void bind(ConfigBinding& b);
};

/// Qwen3-MoE: norms on q and k, no biases, no shared expert.
struct Qwen3MoeForCausalLM {
  using Config = Qwen3MoeConfig;
  static constexpr const char* class_name = "Qwen3MoeForCausalLM";
  static constexpr const char* config_class = "Qwen3MoeConfig";
  static constexpr const char* model_type = "qwen3_moe";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static Mapping mapping(const Qwen3MoeConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::qwen_moe
