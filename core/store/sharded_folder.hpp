// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// What the files of a Hugging Face folder are called when there is one, and the index of several:
/// "model.safetensors" and "model.safetensors.index.json".
struct ShardedNames {
  std::string single, index;
};

/// The tensors of a folder with one file or with several and an index ("weight_map": tensor name -> file in
/// the same folder); `read` opens a file. Throws InputError where index and files do not list the same
/// tensors, or the index names anything but plain file names.
TensorSource open_sharded_folder(const std::string& folder, const ShardedNames& names,
                                 const std::function<std::vector<StoredTensor>(const std::string&)>& read);

}  // namespace mhub
