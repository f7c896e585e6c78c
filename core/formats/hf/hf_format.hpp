// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "mhub/formats/format.hpp"

namespace mhub {

/// A Hugging Face folder.
const Format& hf_format();

/// True when the folder has weights in a form that this format opens.
bool has_weights(const std::string& directory);

/// The tensors and the description of a folder, not bound to a state.
std::shared_ptr<const Checkpoint> open_reference(const std::string& directory);

/// What hf_format writes.
std::unique_ptr<OutputFormat> make_hf_output(const WriteOptions& options, const Checkpoint& source);

}  // namespace mhub
