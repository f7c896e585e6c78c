// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/plugin/vision_parts.hpp"

namespace mhub::qwen_vl {

/// What the towers of all Qwen-VL models have: patches in squares, of which the projector ("merger") makes a
/// token each; rows and columns rotate the heads; nothing in front of the layers or behind them.
struct VisionConfigBase {
  std::int64_t depth = 32, hidden_size = 1280, num_heads = 16, in_channels = 3;
  std::int64_t patch_size = 14, spatial_merge_size = 2, temporal_patch_size = 2;
  std::string hidden_act = "silu";

  /// What does not depend on the kind; `width` is what its config calls hidden_size.
  void bind(ConfigBinding& b, const std::string& kind, const char* width = "hidden_size");
  TowerParts tower() const;
};

/// transformers' Qwen2VLVisionConfig, whose hidden_size is the decoder's.
struct Qwen2VLVisionConfig : VisionConfigBase {
  std::int64_t mlp_ratio = 4;

  Qwen2VLVisionConfig() { hidden_act = "quick_gelu"; }
  void bind(ConfigBinding& b);
};

/// transformers' Qwen2_5_VLVisionConfig: tokens see each other in windows, but for a few layers.
struct Qwen2_5_VLVisionConfig : VisionConfigBase {
  std::int64_t intermediate_size = 3420, window_size = 112;
  std::vector<std::int64_t> fullatt_block_indexes{7, 15, 23, 31};

  Qwen2_5_VLVisionConfig() { hidden_size = 3584; }
  void bind(ConfigBinding& b);
};

/// transformers' Qwen3VLVisionConfig, and those of Qwen3-VL-MoE and Qwen3.5.
struct Qwen3VLVisionConfig : VisionConfigBase {
  std::int64_t intermediate_size = 4304, num_position_embeddings = 2304;

  Qwen3VLVisionConfig();
  void bind(ConfigBinding& b);
};

// None of them is a model of Megatron-Core's: they are parts of the models below, and run for them.

struct Qwen2VisionTransformerPretrainedModel {
  using Config = Qwen2VLVisionConfig;
  static constexpr const char* class_name = "Qwen2VisionTransformerPretrainedModel";
  static constexpr const char* config_class = "Qwen2VLVisionConfig";
  static constexpr const char* model_type = "qwen2_vl_vision";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config) { return config.tower(); }
};

struct Qwen2_5_VisionTransformerPretrainedModel {
  using Config = Qwen2_5_VLVisionConfig;
  static constexpr const char* class_name = "Qwen2_5_VisionTransformerPretrainedModel";
  static constexpr const char* config_class = "Qwen2_5_VLVisionConfig";
  static constexpr const char* model_type = "qwen2_5_vl_vision";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

struct Qwen3VLVisionModel {
  using Config = Qwen3VLVisionConfig;
  static constexpr const char* class_name = "Qwen3VLVisionModel";
  static constexpr const char* config_class = "Qwen3VLVisionConfig";
  static constexpr const char* model_type = "qwen3_vl_vision";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

}  // namespace mhub::qwen_vl
