// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"

namespace mhub {

/// A part of a model that is a registered class of its own and that the model carries under Hugging Face
/// names, as that class's checkpoint: its canonical state, made of the whole's stored tensors. `names` stands
/// in front of the class's tensor names in the whole model's. Borrows `whole`, which must outlive it. Throws
/// InputError when a tensor is missing or has another shape than the part's config says.
Checkpoint part_of(const Checkpoint& whole, const ModelDescriptor& model, const ConfigReader& config,
                   const std::string& names);

}  // namespace mhub
