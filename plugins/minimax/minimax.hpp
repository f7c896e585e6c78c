// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::minimax {

/// transformers' MiniMaxM2Config, and what the models' own code reads beside it.
struct MiniMaxM2Config : DecoderConfig {
  std::int64_t num_local_experts = 256, num_experts_per_tok = 8;
  double router_aux_loss_coef = 0.001;

  MiniMaxM2Config();
  void bind(ConfigBinding& b);

 private:
  void bind_rotary_dim(ConfigBinding& b);
};

/// MiniMax-M2: norms on q and k over all heads, half of each head rotates, sigmoid router.
struct MiniMaxM2ForCausalLM {
  using Config = MiniMaxM2Config;
  static constexpr const char* class_name = "MiniMaxM2ForCausalLM";
  static constexpr const char* config_class = "MiniMaxM2Config";
  static constexpr const char* model_type = "minimax_m2";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const MiniMaxM2Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::minimax
