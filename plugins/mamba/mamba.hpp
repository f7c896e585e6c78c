// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"

namespace mhub::mamba {

/// transformers' Mamba2Config.
struct Mamba2Config {
  std::int64_t vocab_size = 32768, hidden_size = 4096, num_hidden_layers = 64;
  /// No config of transformers' has it; what Codestral Mamba was tested with. Nothing depends on it.
  std::int64_t max_position_embeddings = 262144;
  double layer_norm_epsilon = 1e-5, initializer_range = 0.1;
  bool tie_word_embeddings = false;
  MambaMixerConfig mixer;

  void bind(ConfigBinding& b);
};

/// Mamba-2 in every layer and nothing else (Codestral Mamba): a HybridModel with the pattern "MM...M".
struct Mamba2ForCausalLM {
  using Config = Mamba2Config;
  static constexpr const char* class_name = "Mamba2ForCausalLM";
  static constexpr const char* config_class = "Mamba2Config";
  static constexpr const char* model_type = "mamba2";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Mamba2Config& config, const TransformerConfig& megatron);
};

/// transformers' BambaConfig.
struct BambaConfig : DecoderConfig {
  std::vector<std::int64_t> attention;  ///< 1: this layer attends, 0: it has a Mamba-2 mixer
  MambaMixerConfig mixer{.mamba_head_dim = 0, .ssm_state_size = 256, .n_groups = 1};

  BambaConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_kinds(ConfigBinding& b);
};

/// Bamba: a Mamba-2 mixer or attention, and an MLP, in every layer. Half of each head rotates.
struct BambaForCausalLM {
  using Config = BambaConfig;
  static constexpr const char* class_name = "BambaForCausalLM";
  static constexpr const char* config_class = "BambaConfig";
  static constexpr const char* model_type = "bamba";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const BambaConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::mamba
