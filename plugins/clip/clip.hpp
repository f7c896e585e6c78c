// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "encoder.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::clip {

/// What the configs of both towers have.
struct CLIPEncoderConfig : EncoderConfig {
  std::int64_t projection_dim = 512;
  double initializer_range = 0.02;

  void bind(ConfigBinding& b);
};

/// transformers' CLIPVisionConfig.
struct CLIPVisionConfig : CLIPEncoderConfig, PatchesConfig {
  void bind(ConfigBinding& b);
};

/// CLIP's vision tower: Megatron-Core's CLIPViTModel, which has no norm behind its last layer; that one is
/// carried.
struct CLIPVisionModel {
  using Config = CLIPVisionConfig;
  static constexpr const char* class_name = "CLIPVisionModel";
  static constexpr const char* config_class = "CLIPVisionConfig";
  static constexpr const char* model_type = "clip_vision_model";
  static constexpr const char* tokenizer_class = "";
  static constexpr int preference = 1;  // the others have more tensors
  static Mapping mapping(const CLIPVisionConfig& config, const TransformerConfig& megatron);
};

/// The same with the projection into the space that texts share, which is carried.
struct CLIPVisionModelWithProjection {
  using Config = CLIPVisionConfig;
  static constexpr const char* class_name = "CLIPVisionModelWithProjection";
  static constexpr const char* config_class = "CLIPVisionConfig";
  static constexpr const char* model_type = "clip_vision_model";
  static constexpr const char* tokenizer_class = "";
  static Mapping mapping(const CLIPVisionConfig& config, const TransformerConfig& megatron);
};

/// transformers' CLIPTextConfig.
struct CLIPTextConfig : CLIPEncoderConfig {
  std::int64_t vocab_size = 49408, max_position_embeddings = 77;

  CLIPTextConfig();
  void bind(ConfigBinding& b);
};

/// CLIP's text tower: a GPTModel whose output layer, tied to the embedding, is not used.
struct CLIPTextModel {
  using Config = CLIPTextConfig;
  static constexpr const char* class_name = "CLIPTextModel";
  static constexpr const char* config_class = "CLIPTextConfig";
  static constexpr const char* model_type = "clip_text_model";
  static constexpr const char* tokenizer_class = "CLIPTokenizerFast";
  static constexpr int preference = -1;  // a GPTModel of that function rather is a language model
  static Mapping mapping(const CLIPTextConfig& config, const TransformerConfig& megatron);
};

/// transformers' CLIPConfig: a config for each tower.
struct CLIPConfig {
  CLIPTextConfig text;
  CLIPVisionConfig vision;
  std::int64_t projection_dim = 512;

  void bind(ConfigBinding& b);
};

/// CLIP with both towers. No model of Megatron-Core has both: the vision tower becomes a CLIPViTModel, all of
/// the text tower, the projections and logit_scale are carried.
struct CLIPModel {
  using Config = CLIPConfig;
  static constexpr const char* class_name = "CLIPModel";
  static constexpr const char* config_class = "CLIPConfig";
  static constexpr const char* model_type = "clip";
  static constexpr const char* tokenizer_class = "CLIPTokenizerFast";
  static constexpr bool is_dual_encoder = true;  ///< PreTrainedVLM<CLIPModel> compares pictures with texts
  static Mapping mapping(const CLIPConfig& config, const TransformerConfig& megatron);
  static DualEncoderParts dual_encoder(const CLIPConfig& config, const ConfigReader& json);
};

}  // namespace mhub::clip
