// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"

namespace mhub::runtime {

/// What there is to know of a model that sees.
struct Eyes {
  std::int64_t image_token = 0;
  bool picture_at_once = false;
  std::string processor_class, image_processor_type;  ///< where the files do not say
};
/// Nothing for a model that does not.
std::optional<Eyes> eyes_of(const Checkpoint& checkpoint);

}  // namespace mhub::runtime
