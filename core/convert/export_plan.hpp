// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/plan.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {

/// The plan that writes a checkpoint of any kind in a layout. Every stored tensor has `dtype` where that is
/// given and its sources are floating-point (but for CanonicalTensor::dtype), else its sources' type, or one
/// that holds its values exactly where they change on the way. Borrows the checkpoint, whose model is known.
/// Throws InputError when the layout and the checkpoint do not fit.
CopyPlan plan_export(const Checkpoint& source, const Layout& layout, std::optional<DType> dtype);

/// Tensors that the checkpoint stores twice must be equal, or dropping one of them would lose something.
/// Reads them; throws InputError that names both.
void require_equal_repeats(const Checkpoint& source);

/// Says which content the files that a plan reads have, now.
std::string source_fingerprint(const CopyPlan& plan);

}  // namespace mhub
