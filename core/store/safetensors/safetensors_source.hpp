// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Opens one .safetensors file. Reads and checks the header only. Throws InputError for everything that the
/// reference implementation refuses (README.md beside this file).
TensorSource open_safetensors(const std::string& path);

/// Opens a model folder: model.safetensors, or model.safetensors.index.json with its shards. The index and
/// the shards must name the same tensors.
TensorSource open_safetensors_folder(const std::string& directory);

/// "__metadata__" of one file, as in {"format": "pt"}; empty without one. Refuses what `open_safetensors`
/// does.
std::map<std::string, std::string> read_safetensors_metadata(const std::string& path);

}  // namespace mhub
