// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::exaone {

/// transformers' Exaone4Config.
struct Exaone4Config : DecoderConfig {
  WindowConfig window{4096, {}};

  Exaone4Config();
  void bind(ConfigBinding& b);
};

/// EXAONE 4: norms behind attention and MLP alone, and on the heads of q and k. Where layers have a window,
/// the others do not rotate.
struct Exaone4ForCausalLM {
  using Config = Exaone4Config;
  static constexpr const char* class_name = "Exaone4ForCausalLM";
  static constexpr const char* config_class = "Exaone4Config";
  static constexpr const char* model_type = "exaone4";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Exaone4Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::exaone
