// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/checkpoint.hpp"

namespace mhub {

/// A part of a model as a checkpoint of its own.
struct ModelPart {
  Checkpoint checkpoint;
  /// The whole's canonical tensors that it is made of, and those that its mapping ignores.
  std::vector<std::string> tensors;
};

/// A part of a model that is a registered class of its own and that the model carries under Hugging Face
/// names, as that class's checkpoint: its canonical state, made of the whole's stored tensors. `names` stands
/// in front of the class's tensor names in the whole model's. Borrows `whole`, which must outlive it. Throws
/// InputError when a tensor is missing or has another shape than the part's config says.
ModelPart part_of(const Checkpoint& whole, const ModelDescriptor& model, const ConfigReader& config,
                  const std::string& names);

}  // namespace mhub
