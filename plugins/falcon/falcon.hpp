// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::falcon {

/// transformers' FalconConfig.
struct FalconConfig : DecoderConfig {
  bool new_decoder_architecture = false, multi_query = true, parallel_attn = true, bias = false;
  std::optional<std::int64_t> num_ln_in_parallel_attn;  ///< absent: 2 in the new architecture, else 1

  FalconConfig();
  void bind(ConfigBinding& b);
};

/// Falcon with rotary positions: attention and MLP side by side, behind one LayerNorm or two, q, k and v
/// together.
struct FalconForCausalLM {
  using Config = FalconConfig;
  static constexpr const char* class_name = "FalconForCausalLM";
  static constexpr const char* config_class = "FalconConfig";
  static constexpr const char* model_type = "falcon";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const FalconConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::falcon
