// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::llama {

/// transformers' PixtralVisionConfig.
struct PixtralVisionConfig {
  std::int64_t hidden_size = 1024, intermediate_size = 4096, num_hidden_layers = 24, num_attention_heads = 16;
  std::int64_t num_channels = 3, image_size = 1024, patch_size = 16;
  std::string hidden_act = "gelu";
  double attention_dropout = 0.0;
  RotaryConfig rotary;

  void bind(ConfigBinding& b);
};

/// The tower of Pixtral and Mistral 3: pictures in their own shape; rows and columns rotate the heads. It is
/// no model of Megatron-Core's but a part of others, for which it runs.
struct PixtralVisionModel {
  using Config = PixtralVisionConfig;
  static constexpr const char* class_name = "PixtralVisionModel";
  static constexpr const char* config_class = "PixtralVisionConfig";
  static constexpr const char* model_type = "pixtral";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

/// Mistral 3's eyes (modeling_mistral3.py): `decoder` is the whole model's.
VisionParts mistral3_vision(const ConfigReader& json, const TransformerConfig& decoder);

}  // namespace mhub::llama
