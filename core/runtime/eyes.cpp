// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/eyes.hpp"

namespace mhub::runtime {

std::optional<Eyes> eyes_of(const Checkpoint& checkpoint) {
  if (!checkpoint.transformer || checkpoint.model == nullptr) return std::nullopt;
  if (const auto& vision = checkpoint.transformer->vision)
    return Eyes{vision->image_token_index, false, {}, {}};
  if (!checkpoint.model->vision) return std::nullopt;
  const VisionParts parts = checkpoint.model->vision(*checkpoint.config);
  return Eyes{parts.image_token, parts.picture_at_once, parts.processor_class, parts.image_processor_type};
}

}  // namespace mhub::runtime
