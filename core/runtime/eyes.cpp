// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/eyes.hpp"

namespace mhub::runtime {

std::optional<Eyes> eyes_of(const Checkpoint& checkpoint) {
  if (!checkpoint.transformer || checkpoint.model == nullptr) return std::nullopt;
  if (checkpoint.model->vision) {
    const VisionParts parts = checkpoint.model->vision(*checkpoint.config);
    return Eyes{parts.image_token,     parts.picture_at_once,      parts.prompt_at_once, parts.rotary,
                parts.processor_class, parts.image_processor_type, parts.tile_grids};
  }
  if (const auto& vision = checkpoint.transformer->vision) {
    Eyes eyes;
    eyes.image_token = vision->image_token_index;
    return eyes;
  }
  return std::nullopt;
}

}  // namespace mhub::runtime
