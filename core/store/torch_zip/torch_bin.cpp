// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/torch_zip/torch_bin.hpp"

#include "mhub/base/error.hpp"
#include "mhub/store/sharded_folder.hpp"
#include "mhub/store/torch_zip/torch_archive.hpp"

namespace mhub {
namespace {

std::vector<StoredTensor> read_tensors(const std::string& path) {
  const TorchArchive archive(path);
  std::vector<StoredTensor> tensors;
  for (const auto& [name, node] : archive.root().as_named(path)) {
    auto tensor = archive.tensor(*node, std::string(name));
    if (!tensor)
      throw InputError(path + ": " + printable(name) + ": expected a tensor, found " + describe(*node));
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace

TensorSource open_torch_bin(const std::string& directory) {
  return open_sharded_folder(directory, {"pytorch_model.bin", "pytorch_model.bin.index.json"}, read_tensors);
}

}  // namespace mhub
