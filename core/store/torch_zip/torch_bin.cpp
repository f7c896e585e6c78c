#include "mhub/store/torch_zip/torch_bin.hpp"

#include <filesystem>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/store/torch_zip/torch_archive.hpp"
#include "mhub/store/weight_map.hpp"

namespace fs = std::filesystem;

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
  const fs::path folder = directory;
  if (fs::exists(folder / "pytorch_model.bin"))
    return TensorSource(read_tensors((folder / "pytorch_model.bin").string()));
  const std::string index = (folder / "pytorch_model.bin.index.json").string();
  const auto map = read_weight_map(index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) shards.insert(shard);
  std::vector<StoredTensor> tensors;
  for (const std::string& shard : shards) {
    const std::string path = (folder / shard).string();
    if (!fs::exists(path))
      throw InputError(path + ": missing, but " + index + " lists it; the download is incomplete");
    for (StoredTensor& tensor : read_tensors(path)) {
      const auto listed = map.find(tensor.name);
      if (listed == map.end() || listed->second != shard)
        throw InputError(path + ": tensor " + tensor.name + " is not listed for this file in " + index);
      tensors.push_back(std::move(tensor));
    }
  }
  TensorSource source(std::move(tensors));
  for (const auto& [tensor, shard] : map) {
    if (source.find(tensor) == nullptr)
      throw InputError((folder / shard).string() + ": tensor " + tensor + " is missing, but " + index +
                       " lists it");
  }
  return source;
}

}  // namespace mhub
