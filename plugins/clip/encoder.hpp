// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::clip {

/// What the configs of CLIP's and SigLIP's towers have.
struct EncoderConfig {
  std::int64_t hidden_size = 768, intermediate_size = 3072, num_hidden_layers = 12, num_attention_heads = 12;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5, attention_dropout = 0.0;

  void bind(ConfigBinding& b);
};

/// And those of vision towers besides: squares of pixels and their patches.
struct PatchesConfig {
  std::int64_t num_channels = 3, image_size = 224, patch_size = 32;

  /// `vision_model_type` is CLIPViTModel's model_subtype.
  void bind(ConfigBinding& b, const std::string& vision_model_type);
};

/// Names of a tower's layers; `tower` is "vision_model." or "text_model.".
DecoderNames encoder_names(const std::string& tower);

/// CLIPViTModel (megatron/core/models/vision/clip_vit_model.py) from a tower that transformers calls
/// "vision_model.", without the norms around the layers and the class token.
Mapping patches_and_layers(const TransformerConfig& megatron);

}  // namespace mhub::clip
