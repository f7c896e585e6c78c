// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"

namespace mhub::glm_vl {

/// transformers' Glm4vVisionConfig and Glm4vMoeVisionConfig. MLPs of the layers are out_hidden_size wide;
/// intermediate_size is the merger's (modeling_glm4v.py).
struct Glm4vVisionConfig {
  std::int64_t depth = 24, hidden_size = 1536, num_heads = 12, in_channels = 3, image_size = 336;
  std::int64_t patch_size = 14, spatial_merge_size = 2, temporal_patch_size = 2, out_hidden_size = 4096;
  std::string hidden_act = "silu";
  bool attention_bias = false;
  double attention_dropout = 0.0, rms_norm_eps = 1e-5;

  void bind(ConfigBinding& b);
};

/// The tower of GLM-4.1V to 4.6V: Qwen2.5-VL's without windows, with learned positions that are stretched
/// over a picture of any shape. It is no model of Megatron-Core's but a part of others, for which it runs.
struct Glm4vVisionModel {
  using Config = Glm4vVisionConfig;
  static constexpr const char* class_name = "Glm4vVisionModel";
  static constexpr const char* config_class = "Glm4vVisionConfig";
  static constexpr const char* model_type = "glm4v_vision";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

/// How GLM-V's models see: Glm4vVisionModel's downsample and merger as a projector. `image_token` is the
/// class's, where the config does not say.
VisionParts glm_vision(const ConfigReader& json, std::int64_t image_token);

}  // namespace mhub::glm_vl
