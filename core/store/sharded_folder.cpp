// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/sharded_folder.hpp"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

std::map<std::string, std::string> read_weight_map(const std::string& index_path) {
  const nlohmann::json index = parse_json_file(index_path, 256 << 20);
  const auto it = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || it == index.end() || !it->is_object())
    throw InputError(index_path + ": expected an object \"weight_map\"");
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : it->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || fs::path(name).filename() != name || name == "." || name == "..") {
      throw InputError(index_path + ": tensor " + tensor + ": expected a file name, found " +
                       json_text(file));
    }
    map.emplace(tensor, name);
  }
  return map;
}

}  // namespace

bool ShardedFiles::are_in(const std::string& folder) const {
  return fs::exists(fs::path(folder) / single) || fs::exists(fs::path(folder) / index);
}

TensorSource ShardedFiles::open(const std::string& directory) const {
  const fs::path folder = directory;
  if (fs::exists(folder / single)) return TensorSource(read((folder / single).string()));
  const std::string index_path = (folder / index).string();
  const std::map<std::string, std::string> map = read_weight_map(index_path);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) shards.insert(shard);
  std::vector<StoredTensor> tensors;
  for (const std::string& shard : shards) {
    const std::string path = (folder / shard).string();
    if (!fs::exists(path))
      throw InputError(path + ": missing, but " + index_path + " lists it; the download is incomplete");
    for (StoredTensor& tensor : read(path)) {
      const auto listed = map.find(tensor.name);
      if (listed == map.end() || listed->second != shard)
        throw InputError(path + ": tensor " + tensor.name + " is not listed for this file in " + index_path);
      tensors.push_back(std::move(tensor));
    }
  }
  TensorSource source(std::move(tensors));
  for (const auto& [tensor, shard] : map) {
    if (source.find(tensor) == nullptr)
      throw InputError((folder / shard).string() + ": tensor " + tensor + " is missing, but " + index_path +
                       " lists it");
  }
  return source;
}

}  // namespace mhub
