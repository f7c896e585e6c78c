// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"

namespace mhub::internvl {

/// transformers' InternVLVisionConfig, its sizes as one number each.
struct InternVLVisionConfig {
  std::int64_t hidden_size = 1024, intermediate_size = 4096, num_hidden_layers = 24, num_attention_heads = 16;
  std::int64_t num_channels = 3, image_size = 448, patch_size = 14;
  std::string hidden_act = "gelu", norm_type = "layer_norm";
  bool attention_bias = false, use_qk_norm = false, use_mask_token = false, use_mean_pooling = true;
  double layer_norm_eps = 1e-6, attention_dropout = 0.0;

  void bind(ConfigBinding& b);
};

/// InternViT: what attention and MLP give is multiplied number by number (lambda_1, lambda_2). It is no model
/// of Megatron-Core's but a part of others, for which it runs.
struct InternVLVisionModel {
  using Config = InternVLVisionConfig;
  static constexpr const char* class_name = "InternVLVisionModel";
  static constexpr const char* config_class = "InternVLVisionConfig";
  static constexpr const char* model_type = "internvl_vision";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

/// InternVL's eyes (modeling_internvl.py): `width` is the decoder's.
VisionParts internvl_vision(const ConfigReader& json, std::int64_t width);

}  // namespace mhub::internvl
