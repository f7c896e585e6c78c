// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::baichuan {

/// BaichuanConfig of the model's own code (baichuan-inc/Baichuan2-7B-Base, configuration_baichuan.py).
struct BaichuanConfig : DecoderConfig {
  BaichuanConfig();
  void bind(ConfigBinding& b);
};

/// Baichuan 2 7B: Llama with q, k, v in one tensor and an output layer whose rows are scaled to length 1.
struct BaichuanForCausalLM {
  using Config = BaichuanConfig;
  static constexpr const char* class_name = "BaichuanForCausalLM";
  static constexpr const char* config_class = "BaichuanConfig";
  static constexpr const char* model_type = "baichuan";
  static constexpr const char* tokenizer_class = "BaichuanTokenizer";
  static Mapping mapping(const BaichuanConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::baichuan
