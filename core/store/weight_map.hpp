#pragma once

#include <map>
#include <string>

namespace mhub {

/// The "weight_map" of a sharded checkpoint's index (model.safetensors.index.json,
/// pytorch_model.bin.index.json): tensor name -> file name. Throws InputError for anything but plain file
/// names in the index's own folder.
std::map<std::string, std::string> read_weight_map(const std::string& index_path);

}  // namespace mhub
