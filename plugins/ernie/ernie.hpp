// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::ernie {

/// transformers' Ernie4_5Config.
struct Ernie4_5Config : DecoderConfig {
  bool use_bias = false;  ///< on every linear layer but the output layer

  Ernie4_5Config();
  void bind(ConfigBinding& b);
};

/// ERNIE 4.5 (dense): Llama, of which neighbours rotate together.
struct Ernie4_5ForCausalLM {
  using Config = Ernie4_5Config;
  static constexpr const char* class_name = "Ernie4_5ForCausalLM";
  static constexpr const char* config_class = "Ernie4_5Config";
  static constexpr const char* model_type = "ernie4_5";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Ernie4_5Config& config, const TransformerConfig& megatron);
};

/// transformers' Ernie4_5_MoeConfig.
struct Ernie4_5_MoeConfig : DecoderConfig {
  std::int64_t moe_intermediate_size = 1536, moe_k = 6, moe_num_experts = 64;
  std::optional<std::int64_t> moe_num_shared_experts = 2;
  std::int64_t moe_layer_start_index = 1, moe_layer_end_index = -1, moe_layer_interval = 1;
  double router_aux_loss_coef = 0.001;

  Ernie4_5_MoeConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_layers(ConfigBinding& b);
};

/// ERNIE 4.5 with experts: their scores are a softmax, which a bias corrects for the choice.
struct Ernie4_5_MoeForCausalLM {
  using Config = Ernie4_5_MoeConfig;
  static constexpr const char* class_name = "Ernie4_5_MoeForCausalLM";
  static constexpr const char* config_class = "Ernie4_5_MoeConfig";
  static constexpr const char* model_type = "ernie4_5_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Ernie4_5_MoeConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::ernie
