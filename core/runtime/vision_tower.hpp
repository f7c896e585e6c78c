// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/mlp_block.hpp"
#include "mhub/runtime/vision_transformer.hpp"

namespace mhub::runtime {

/// The eyes of a vision-language model: the vision transformer and the projector behind it, as
/// Megatron-Core's LLaVAModel has them (models/multimodal/llava_model.py). Borrows the checkpoint and the
/// backend. Not thread-safe.
class VisionTower {
 public:
  /// Weights keep their stored type unless another one is given. Throws InputError for a model without
  /// pictures, or with a part that is not supported.
  VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype = {});

  /// Pixels along a side of a tile.
  std::int64_t image_size() const { return transformer_->image_size(); }
  /// The features of tiles [count, 3, image_size, image_size], tile after tile: so many rows for each, in the
  /// decoder's hidden_size.
  std::int64_t features_per_tile() const { return transformer_->tokens() - (drop_class_token_ ? 1 : 0); }
  std::vector<float> features(std::span<const float> tiles);

 private:
  Backend& backend_;
  Workspace workspace_;
  bool drop_class_token_;
  std::optional<VisionTransformer> transformer_;
  Linear fc1_, fc2_;
  Activation activation_;
};

}  // namespace mhub::runtime
