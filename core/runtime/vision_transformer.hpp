// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/image_processor.hpp"
#include "mhub/plugin/vision_parts.hpp"
#include "mhub/runtime/layer_stack.hpp"
#include "mhub/runtime/patch_order.hpp"

namespace mhub::runtime {

/// How Megatron-Core's CLIPViTModel (models/vision/clip_vit_model.py) looks at tiles. `config` has
/// TransformerConfig::image. Throws InputError, which begins with `where`, for a kind that is not known.
TowerParts clip_vit_parts(const ImageConfig& image, const std::string& where);

/// A vision transformer over a canonical state (TowerParts). Borrows the backend and the files that the
/// weights point into. Not thread-safe.
class VisionTransformer {
 public:
  /// Throws InputError for a configuration, or a part of one, that is not supported.
  VisionTransformer(const Weights& weights, Backend& backend, const TransformerConfig& config,
                    TowerParts parts);

  std::int64_t hidden_size() const { return config_.hidden_size; }
  std::int64_t layers() const { return config_.num_layers; }
  const TowerParts& parts() const { return parts_; }

  /// What a picture becomes: [grid.tokens(), hidden_size()].
  struct Output {
    PatchGrid grid;
    std::vector<float> tokens;
    std::vector<std::vector<float>> taps;  ///< the same behind other layers
    std::vector<float> class_tokens;       ///< one a tile, where there are such
  };
  /// Behind the last layer and the norm there, if any; and behind the layers `taps` (from 0). Throws
  /// InputError for a picture of another shape than the tower takes.
  Output run(const ProcessedImage& picture, std::span<const std::int64_t> taps = {});

 private:
  struct Batch;
  PatchGrid grid_of(const ProcessedImage& picture) const;
  std::int64_t tokens_of_tile(const PatchGrid& grid) const {
    return grid.rows * grid.columns + (parts_.class_token == TowerParts::ClassToken::none ? 0 : 1);
  }
  /// The rows of a tile's patches among its tokens.
  std::int64_t first_patch() const { return parts_.class_token == TowerParts::ClassToken::first ? 1 : 0; }
  std::vector<float> positions_of(const PatchOrder& order) const;
  RotaryAngles angles_of(const PatchOrder& order, std::int64_t tiles) const;
  void embed(ForwardPass& pass, const std::vector<float>& patches, const std::vector<float>& positions,
             Matrix hidden) const;
  void run_layers(ForwardPass& pass, const PatchOrder& order, std::int64_t tiles, Matrix hidden,
                  const std::function<void(std::int64_t layer)>& behind) const;
  void take(Matrix hidden, const PatchOrder& order, std::int64_t tiles, std::vector<float>& out,
            std::vector<float>* class_tokens) const;

  Backend& backend_;
  Workspace workspace_;
  TransformerConfig config_;  ///< of the layers: without image
  TowerParts parts_;
  std::string source_;
  Linear patch_embedding_;
  std::vector<float> class_token_, positions_;
  std::optional<Norm> patch_norm_, pre_norm_, post_norm_;
  std::optional<LayerStack> layers_;
};

}  // namespace mhub::runtime
