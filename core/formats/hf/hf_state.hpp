// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/formats/checkpoint.hpp"

namespace mhub {

// A Hugging Face state, whatever container it lies in: what a driver does to open one, in this order. All
// throw InputError that names the file.

/// Takes the files beside the tensors, config.json among them, and finds the model's plugin.
void describe_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files);

/// Takes the tensors. Quantised weights appear as the bf16 tensors that they stand for, and the config
/// without its quantization_config (quantization.hpp).
void take_hf_tensors(Checkpoint& checkpoint, TensorSource tensors);

/// Binds the tensors to the model's mapping. Every tensor must be used by a rule, repeat another one or be
/// ignored by name; every tensor that a rule needs must be there in the shape that the config implies.
void bind_hf_state(Checkpoint& checkpoint);

}  // namespace mhub
