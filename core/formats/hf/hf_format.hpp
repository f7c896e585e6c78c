// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/format.hpp"
#include "mhub/store/sharded_folder.hpp"

namespace mhub {

/// A Hugging Face folder.
const Format& hf_format();

/// Opens what lies in such a folder that is elsewhere. `files` are those beside the weights.
void open_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files, const WeightFolder& weights);

/// True when the folder has weights in a form that this format opens.
bool has_weights(const std::string& directory);

/// The tensors and the description of a folder, not bound to a state.
std::shared_ptr<const Checkpoint> open_reference(const std::string& directory);

}  // namespace mhub
