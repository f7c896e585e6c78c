// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"

namespace mhub::granite {

/// What Granite's configs have in common: multipliers.
struct GraniteMultipliers : DecoderConfig {
  double embedding_multiplier = 1.0, residual_multiplier = 1.0;
  double attention_multiplier = 1.0;  ///< in the place of 1 / sqrt(head_dim)
  double logits_scaling = 1.0;        ///< logits are divided by it

  void bind(ConfigBinding& b, DecoderKeys keys = {});
};

/// transformers' GraniteConfig.
struct GraniteConfig : GraniteMultipliers {
  bool attention_bias = false, mlp_bias = false;

  void bind(ConfigBinding& b);
};

/// Granite 3: Llama with multipliers on embeddings, attention, residual branches and logits.
struct GraniteForCausalLM {
  using Config = GraniteConfig;
  static constexpr const char* class_name = "GraniteForCausalLM";
  static constexpr const char* config_class = "GraniteConfig";
  static constexpr const char* model_type = "granite";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static Mapping mapping(const GraniteConfig& config, const TransformerConfig& megatron);
};

/// transformers' GraniteMoeConfig.
struct GraniteMoeConfig : GraniteMultipliers {
  std::int64_t num_local_experts = 8, num_experts_per_tok = 2;
  double router_aux_loss_coef = 0.001;

  void bind(ConfigBinding& b);
};

/// Granite 3 with experts (1B-A400M, 3B-A800M), PowerMoE: the same, experts in every layer.
struct GraniteMoeForCausalLM {
  using Config = GraniteMoeConfig;
  static constexpr const char* class_name = "GraniteMoeForCausalLM";
  static constexpr const char* config_class = "GraniteMoeConfig";
  static constexpr const char* model_type = "granitemoe";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static constexpr int preference = -1;  // Mixtral where all multipliers are 1
  static Mapping mapping(const GraniteMoeConfig& config, const TransformerConfig& megatron);
};

/// transformers' GraniteMoeSharedConfig.
struct GraniteMoeSharedConfig : GraniteMoeConfig {
  std::int64_t shared_intermediate_size = 0;

  void bind(ConfigBinding& b);
};

/// The same with a shared expert.
struct GraniteMoeSharedForCausalLM {
  using Config = GraniteMoeSharedConfig;
  static constexpr const char* class_name = "GraniteMoeSharedForCausalLM";
  static constexpr const char* config_class = "GraniteMoeSharedConfig";
  static constexpr const char* model_type = "granitemoeshared";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static constexpr int preference = -1;  // as above
  static Mapping mapping(const GraniteMoeSharedConfig& config, const TransformerConfig& megatron);
};

/// transformers' GraniteMoeHybridConfig. DecoderConfig::intermediate_size is "shared_intermediate_size" here.
struct GraniteMoeHybridConfig : GraniteMultipliers {
  std::vector<std::int64_t> attention;  ///< 1: this layer attends, 0: it has a Mamba-2 mixer
  bool rotates = false;
  MambaMixerConfig mixer{.mamba_head_dim = 0, .ssm_state_size = 256, .n_groups = 1};
  std::int64_t num_local_experts = 8, num_experts_per_tok = 2, expert_size = 11008;
  double router_aux_loss_coef = 0.001;

  GraniteMoeHybridConfig() { intermediate_size = 1024; }
  void bind(ConfigBinding& b);

 private:
  void bind_layers(ConfigBinding& b);
  void bind_experts(ConfigBinding& b);
  bool has_mixers() const;
};

/// Granite 4: a Mamba-2 mixer or attention in every layer, and an MLP that all tokens share, beside experts
/// or alone. A model in which all layers attend (4.0 Micro, 1B) is Megatron's GPTModel, as Granite 3.
struct GraniteMoeHybridForCausalLM {
  using Config = GraniteMoeHybridConfig;
  static constexpr const char* class_name = "GraniteMoeHybridForCausalLM";
  static constexpr const char* config_class = "GraniteMoeHybridConfig";
  static constexpr const char* model_type = "granitemoehybrid";
  static constexpr const char* tokenizer_class = "GPT2TokenizerFast";
  static constexpr int preference = -2;  // Granite 3's classes where all layers attend
  static Mapping mapping(const GraniteMoeHybridConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::granite
