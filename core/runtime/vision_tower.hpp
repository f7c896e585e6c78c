// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/eyes.hpp"
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

  /// Throws InputError for a picture of another shape than the tower takes.
  PictureFeatures features(const ProcessedImage& picture);

 private:
  void open_megatron(const VisionConfig& vision, std::int64_t hidden_size, const Weights& all,
                     Backend& backend);
  void open_carried(const Checkpoint& checkpoint, const VisionParts& parts, const Weights& all,
                    Backend& backend, std::optional<DType> dtype);
  /// The tiles behind the first as one grid, without what was padded; `grid` becomes that one.
  std::vector<float> joined(const std::vector<float>& tiles, const ProcessedImage& picture,
                            PatchGrid& grid) const;
  std::vector<float> with_row_ends(const std::vector<float>& tiles, const ProcessedImage& picture,
                                   const PatchGrid& grid) const;

  std::optional<Checkpoint> carried_;  ///< the tower, where it is carried
  std::optional<VisionTransformer> transformer_;
  std::optional<Projector> projector_;
  std::vector<std::int64_t> taps_;  ///< the tower's layers behind which deep features are taken
  std::vector<Projector> deep_;
  bool keeps_class_token_ = false;
  std::vector<float> row_end_;
  std::int64_t most_tiles_ = 0;  ///< VisionParts::most_tiles
};

}  // namespace mhub::runtime
