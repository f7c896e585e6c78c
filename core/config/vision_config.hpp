// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// The vision part of a vision-language model as Megatron-Core's LLaVAModel has it
/// (megatron/core/models/multimodal): a vision transformer whose features, one for each patch, a two-layer
/// MLP takes into the space of the decoder's embeddings. The names in comments are Megatron-LM's arguments.
struct VisionConfig {
  TransformerConfig tower;  ///< with ImageConfig; num_layers are those that features come from
  /// Layers of the Hugging Face model behind those: nothing uses them. They are carried.
  std::int64_t unused_layers = 0;
  bool drop_class_token = true;  ///< disable_vision_class_token
  std::string projector_activation = "gelu";
  std::int64_t projector_ffn_hidden_size = 0;
  bool projector_bias = true;
  std::int64_t image_token_index = 0;  ///< the token that stands for an image, or for each of its patches
};

}  // namespace mhub
