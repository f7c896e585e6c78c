// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::gpt_neox {

/// transformers' GPTNeoXConfig.
struct GPTNeoXConfig : DecoderConfig {
  bool use_parallel_residual = true;

  GPTNeoXConfig();
  void bind(ConfigBinding& b);
};

/// GPT-NeoX 20B, Pythia: attention and MLP side by side, each behind a LayerNorm of its own; q, k and v of a
/// head together.
struct GPTNeoXForCausalLM {
  using Config = GPTNeoXConfig;
  static constexpr const char* class_name = "GPTNeoXForCausalLM";
  static constexpr const char* config_class = "GPTNeoXConfig";
  static constexpr const char* model_type = "gpt_neox";
  static constexpr const char* tokenizer_class = "GPTNeoXTokenizerFast";
  static Mapping mapping(const GPTNeoXConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::gpt_neox
