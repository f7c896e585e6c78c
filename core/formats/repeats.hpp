// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"

namespace mhub {

/// Tensors that the checkpoint stores twice (CanonicalState::repeats) must be equal, or whoever uses one of
/// them would lose the other. Reads both. Throws InputError for those that are not.
void require_equal_repeats(const Checkpoint& source);

}  // namespace mhub
