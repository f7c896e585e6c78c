// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::deepseek {

/// What a config.json calls fields whose names differ.
struct DeepseekKeys {
  std::string experts = "n_routed_experts", shared_experts = "n_shared_experts";
  RotaryKeys rotary = {};
};

/// What transformers' DeepseekV2Config and DeepseekV3Config have in common.
struct DeepseekConfig {
  std::int64_t vocab_size = 129280, hidden_size = 7168, intermediate_size = 18432, num_hidden_layers = 61;
  std::int64_t num_attention_heads = 128, max_position_embeddings = 4096;
  std::int64_t num_key_value_heads = 0;  ///< 0 only until read: as many as attention heads
  std::optional<std::int64_t> q_lora_rank = 1536;
  std::int64_t kv_lora_rank = 512, qk_nope_head_dim = 128, qk_rope_head_dim = 64, v_head_dim = 128;
  std::int64_t n_routed_experts = 256, num_experts_per_tok = 8, moe_intermediate_size = 2048;
  std::optional<std::int64_t> n_shared_experts = 1, n_group, topk_group;
  std::int64_t first_k_dense_replace = 3;
  double routed_scaling_factor = 1.0;
  double rms_norm_eps = 1e-6, attention_dropout = 0.0, initializer_range = 0.02;
  std::string hidden_act = "silu";
  bool tie_word_embeddings = false;
  RotaryConfig rotary;

  void bind(ConfigBinding& b, const DeepseekKeys& keys = {});

 private:
  void bind_attention(ConfigBinding& b, const DeepseekKeys& keys);
  void bind_experts(ConfigBinding& b, const DeepseekKeys& keys);
};

/// DeepseekConfig of the model's own code (deepseek-ai/deepseek-moe-16b-base, configuration_deepseek.py).
struct DeepseekMoeConfig : DecoderConfig {
  std::int64_t n_routed_experts = 64, num_experts_per_tok = 6, moe_intermediate_size = 1407;
  std::optional<std::int64_t> n_shared_experts;
  std::int64_t first_k_dense_replace = 0;
  bool norm_topk_prob = false;

  DeepseekMoeConfig();
  void bind(ConfigBinding& b);
};

/// DeepSeekMoE 16B: Llama's attention, experts with shared ones among them.
struct DeepseekForCausalLM {
  using Config = DeepseekMoeConfig;
  static constexpr const char* class_name = "DeepseekForCausalLM";
  static constexpr const char* config_class = "DeepseekConfig";
  static constexpr const char* model_type = "deepseek";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static constexpr int preference = -1;  // Mixtral and others, where there are no shared experts
  static Mapping mapping(const DeepseekMoeConfig& config, const TransformerConfig& megatron);
};

struct DeepseekV2Config : DeepseekConfig {
  std::string topk_method = "greedy";

  DeepseekV2Config();
  void bind(ConfigBinding& b);
};

/// DeepSeek-V2, V2-Lite, Coder-V2: softmax router.
struct DeepseekV2ForCausalLM {
  using Config = DeepseekV2Config;
  static constexpr const char* class_name = "DeepseekV2ForCausalLM";
  static constexpr const char* config_class = "DeepseekV2Config";
  static constexpr const char* model_type = "deepseek_v2";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
  static Mapping mapping(const DeepseekV2Config& config, const TransformerConfig& megatron);
};

struct DeepseekV3Config : DeepseekConfig {
  std::int64_t num_nextn_predict_layers = 0;

  DeepseekV3Config();
  void bind(ConfigBinding& b);
};

/// What DeepSeek-V3 and the classes that are built like it have in common.
struct DeepseekV3Model {
  static Mapping mapping(const DeepseekV3Config& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return without_absent_blocks(config, tensors);
  }
};

/// DeepSeek-V3, V3.1, R1, Moonlight, Kimi-K2: sigmoid router with a correction bias, multi-token prediction.
struct DeepseekV3ForCausalLM : DeepseekV3Model {
  using Config = DeepseekV3Config;
  static constexpr const char* class_name = "DeepseekV3ForCausalLM";
  static constexpr const char* config_class = "DeepseekV3Config";
  static constexpr const char* model_type = "deepseek_v3";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
};

/// transformers' Glm4MoeLiteConfig.
struct Glm4MoeLiteConfig : DeepseekV3Config {
  Glm4MoeLiteConfig();
  void bind(ConfigBinding& b);
};

/// GLM-4.7-Flash: DeepSeek-V3 with other defaults.
struct Glm4MoeLiteForCausalLM : DeepseekV3Model {
  using Config = Glm4MoeLiteConfig;
  static constexpr const char* class_name = "Glm4MoeLiteForCausalLM";
  static constexpr const char* config_class = "Glm4MoeLiteConfig";
  static constexpr const char* model_type = "glm4_moe_lite";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -1;  // DeepSeek-V3 by another name
};

/// SarvamMLAConfig of the model's own code (sarvamai/sarvam-105b, configuration_sarvam_moe.py).
struct SarvamMLAConfig : DeepseekConfig {
  SarvamMLAConfig();
  void bind(ConfigBinding& b);
};

/// Sarvam 105B: DeepSeek-V3 without prediction blocks, whose queries have one projection and whose positions
/// always scale.
struct SarvamMLAForCausalLM {
  using Config = SarvamMLAConfig;
  static constexpr const char* class_name = "SarvamMLAForCausalLM";
  static constexpr const char* config_class = "SarvamMLAConfig";
  static constexpr const char* model_type = "sarvam_mla";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr int preference = -2;  // DeepSeek-V3 by another name
  static Mapping mapping(const SarvamMLAConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::deepseek
