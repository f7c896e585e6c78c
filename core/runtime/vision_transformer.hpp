// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/layer_stack.hpp"

namespace mhub::runtime {

/// A vision transformer over the canonical state that Megatron-Core's CLIPViTModel
/// (models/vision/clip_vit_model.py) has. Borrows the backend and the files that the weights point into. Not
/// thread-safe.
class VisionTransformer {
 public:
  /// `config` is the tower's (with TransformerConfig::image). Throws InputError for a tower, or a part of
  /// one, that is not supported.
  VisionTransformer(const Weights& weights, Backend& backend, const TransformerConfig& config);

  /// Pixels along a side of a tile.
  std::int64_t image_size() const { return image_.image_size; }
  std::int64_t hidden_size() const { return config_.hidden_size; }
  /// Patches along a side of a tile.
  std::int64_t side() const { return image_.image_size / image_.patch_size; }
  /// What a tile becomes: the class token where there is one, then one token for each patch, row by row.
  std::int64_t tokens() const { return side() * side() + (image_.has_class_token() ? 1 : 0); }
  /// Tiles [count, 3, image_size, image_size] behind the last layer and the norm there, if any: [count *
  /// tokens(), hidden_size()]. Throws UsageError for numbers that are no whole tiles.
  std::vector<float> run(std::span<const float> tiles);

 private:
  std::size_t tile_size() const {
    return static_cast<std::size_t>(image_.num_channels * image_.image_size * image_.image_size);
  }
  /// Patches as the rows of a matrix, in the order of the convolution's weights.
  std::vector<float> patches(std::span<const float> tile) const;
  void embed(ForwardPass& pass, std::span<const float> tile, Matrix hidden) const;
  /// Of a few tiles at a time.
  void run_some(std::span<const float> tiles, std::vector<float>& out);

  Backend& backend_;
  Workspace workspace_;
  TransformerConfig config_;  ///< of the layers: without image
  ImageConfig image_;
  Linear patch_embedding_;
  std::vector<float> class_token_, positions_;
  std::optional<Norm> pre_norm_, post_norm_;
  std::optional<LayerStack> layers_;
};

}  // namespace mhub::runtime
