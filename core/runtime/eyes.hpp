// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"

namespace mhub::runtime {

/// What there is to know of a model that sees.
struct Eyes {
  std::int64_t image_token = 0;
  bool picture_at_once = false, prompt_at_once = false;
  std::optional<MultiAxisRotary> rotary;
  std::string processor_class, image_processor_type;  ///< where the files do not say
  nlohmann::json tile_grids = {};                     ///< VisionParts::tile_grids
};
/// Nothing for a model that does not.
std::optional<Eyes> eyes_of(const Checkpoint& checkpoint);

/// What a picture becomes in the decoder.
struct PictureFeatures {
  std::vector<float> values;             ///< [count, the decoder's hidden_size]
  std::vector<std::vector<float>> deep;  ///< Decoder::Features::deep
  /// The grid of its tokens, in which rows come one behind another; 0 where they are in none (tiles).
  std::int64_t rows = 0, columns = 0;
};

}  // namespace mhub::runtime
