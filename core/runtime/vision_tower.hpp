// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/layer_stack.hpp"
#include "mhub/runtime/mlp_block.hpp"

namespace mhub::runtime {

/// The eyes of a vision-language model: the vision transformer and the projector behind it, over the
/// canonical state that Megatron-Core's CLIPViTModel (models/vision/clip_vit_model.py) and LLaVAModel
/// (models/multimodal/llava_model.py) have. Borrows the checkpoint and the backend. Not thread-safe.
class VisionTower {
 public:
  /// Weights keep their stored type unless another one is given. Throws InputError for a model without
  /// pictures, or with a part that is not supported.
  VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype = {});

  /// Pixels along a side of a tile.
  std::int64_t image_size() const { return image_.image_size; }
  /// What a tile becomes: so many rows.
  std::int64_t features_per_tile() const { return tokens() - (drop_class_token_ ? 1 : 0); }
  /// The features of tiles [count, 3, image_size, image_size], tile after tile: [count * features_per_tile(),
  /// the decoder's hidden_size].
  std::vector<float> features(std::span<const float> tiles);

 private:
  std::int64_t side() const { return image_.image_size / image_.patch_size; }
  std::int64_t tokens() const { return side() * side() + 1; }
  /// Patches as the rows of a matrix, in the order of the convolution's weights.
  std::vector<float> patches(std::span<const float> tile) const;
  void embed(ForwardPass& pass, std::span<const float> tile, Matrix hidden) const;
  /// Of some tiles at a time.
  void run(std::span<const float> tiles, std::vector<float>& out);

  Backend& backend_;
  Workspace workspace_;
  TransformerConfig config_;
  ImageConfig image_;
  bool drop_class_token_;
  WeightView patch_embedding_;
  std::vector<float> class_token_, positions_;
  Norm pre_norm_;
  std::optional<LayerStack> layers_;
  Linear fc1_, fc2_;
  Activation activation_;
};

}  // namespace mhub::runtime
