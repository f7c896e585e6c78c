#pragma once

#include "mhub/model/descriptor.hpp"

namespace mhub::nemotron_h {

/// transformers' NemotronHConfig and the configs of the published models before it.
struct NemotronHConfig {
  std::int64_t vocab_size = 131072, hidden_size = 4096, intermediate_size = 21504;
  std::string hybrid_override_pattern;  ///< M Mamba-2, * attention, - MLP, E experts, one a layer
  std::int64_t num_attention_heads = 32, num_key_value_heads = 8, head_dim = 128;
  std::int64_t max_position_embeddings = 4096;
  std::int64_t mamba_num_heads = 128, mamba_head_dim = 64, ssm_state_size = 128, n_groups = 8;
  std::int64_t conv_kernel = 4;
  std::int64_t n_routed_experts = 8, num_experts_per_tok = 2, moe_intermediate_size = 7688;
  std::int64_t moe_shared_expert_intermediate_size = 7688;
  std::optional<std::int64_t> n_group = 1, topk_group = 1;
  double routed_scaling_factor = 1.0;
  double layer_norm_epsilon = 1e-5, attention_dropout = 0.0, initializer_range = 0.02;
  std::string mlp_hidden_act = "relu2";
  bool tie_word_embeddings = false;

  void bind(ConfigBinding& b);

 private:
  void bind_pattern(ConfigBinding& b);
  void bind_experts(ConfigBinding& b);
};

/// Nemotron-H, Nemotron Nano 2 and 3: one mixer a layer, without positions; Megatron's HybridModel.
struct NemotronHForCausalLM {
  using Config = NemotronHConfig;
  static constexpr const char* class_name = "NemotronHForCausalLM";
  static constexpr const char* config_class = "NemotronHConfig";
  static constexpr const char* model_type = "nemotron_h";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const NemotronHConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::nemotron_h
