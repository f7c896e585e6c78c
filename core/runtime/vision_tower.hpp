// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/projector.hpp"
#include "mhub/runtime/vision_transformer.hpp"

namespace mhub::runtime {

/// The eyes of a vision-language model: the vision transformer and the projector behind it, whether they are
/// parts of Megatron's model (LLaVAModel of megatron/core/models/multimodal) or carried (VisionParts).
/// Borrows the checkpoint and the backend. Not thread-safe.
class VisionTower {
 public:
  /// Weights keep their stored type unless another one is given. Throws InputError for a model without
  /// pictures, or with a part that is not supported.
  VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype = {});

  /// Pixels along a side of a tile.
  std::int64_t image_size() const { return transformer_->image_size(); }
  /// The features of tiles [count, 3, image_size, image_size], tile after tile, in the decoder's hidden_size.
  std::vector<float> features(std::span<const float> tiles);

 private:
  std::optional<Checkpoint> carried_;  ///< the tower, where it is carried
  bool keeps_class_token_ = false;
  std::optional<VisionTransformer> transformer_;
  std::optional<Projector> projector_;
};

}  // namespace mhub::runtime
