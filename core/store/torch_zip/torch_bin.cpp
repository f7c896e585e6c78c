#include "mhub/store/torch_zip/torch_bin.hpp"

#include <filesystem>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/store/torch_zip/torch_archive.hpp"
#include "mhub/store/weight_map.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

void add_tensors(const std::string& path, std::vector<StoredTensor>& tensors) {
  const TorchArchive archive(path);
  const auto& pairs = archive.root().as_pairs(path);
  for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
    const std::string& name = pairs[k]->as_string(path + ": key");
    auto tensor = archive.tensor(*pairs[k + 1], name);
    if (!tensor)
      throw InputError(path + ": " + name + ": expected a tensor, found " + describe(*pairs[k + 1]));
    tensors.push_back(std::move(*tensor));
  }
}

}  // namespace

TensorSource open_torch_bin(const std::string& directory) {
  const fs::path folder = directory;
  std::vector<StoredTensor> tensors;
  if (fs::exists(folder / "pytorch_model.bin")) {
    add_tensors((folder / "pytorch_model.bin").string(), tensors);
    return TensorSource(std::move(tensors));
  }
  const std::string index = (folder / "pytorch_model.bin.index.json").string();
  const auto map = read_weight_map(index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) shards.insert(shard);
  for (const std::string& shard : shards) {
    const std::string path = (folder / shard).string();
    if (!fs::exists(path))
      throw InputError(path + ": missing, but " + index + " lists it; the download is incomplete");
    add_tensors(path, tensors);
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
