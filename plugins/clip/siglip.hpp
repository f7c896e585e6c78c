// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "encoder.hpp"

namespace mhub::clip {

/// transformers' SiglipVisionConfig.
struct SiglipVisionConfig : EncoderConfig, PatchesConfig {
  bool vision_use_head = true;  ///< a head that pools, behind everything

  SiglipVisionConfig();
  void bind(ConfigBinding& b);
};

/// SigLIP's vision tower: Megatron-Core's CLIPViTModel of the subtype "siglip", which has no pooling head;
/// that one is carried.
struct SiglipVisionModel {
  using Config = SiglipVisionConfig;
  static constexpr const char* class_name = "SiglipVisionModel";
  static constexpr const char* config_class = "SiglipVisionConfig";
  static constexpr const char* model_type = "siglip_vision_model";
  static constexpr const char* tokenizer_class = "";
  static Mapping mapping(const SiglipVisionConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::clip
