// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/sharded_folder.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/parallel.hpp"

namespace mhub {
namespace {

constexpr std::size_t kThreads = 8;  // that read headers: on a network's file system they wait

class LocalFolder final : public WeightFolder {
 public:
  explicit LocalFolder(fs::path folder) : folder_(std::move(folder)) {}
  bool has(const std::string& name) const override { return fs::exists(folder_ / name); }
  std::string place(const std::string& name) const override { return (folder_ / name).string(); }
  std::shared_ptr<const ByteSource> bytes(const std::string& name) const override {
    return std::make_shared<InputFile>(place(name));
  }

 private:
  fs::path folder_;
};

std::map<std::string, std::string> read_weight_map(const WeightFolder& folder, const std::string& file_name) {
  const std::string index_path = folder.place(file_name);
  const nlohmann::json index =
      parse_json(read_all(*folder.bytes(file_name), index_path, 256 << 20), index_path);
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

std::vector<StoredTensor> ShardedFiles::read(const std::string& path) const {
  return read_bytes(std::make_shared<InputFile>(path));
}

bool ShardedFiles::are_in(const WeightFolder& folder) const {
  return folder.has(single) || folder.has(index);
}
bool ShardedFiles::are_in(const std::string& folder) const { return are_in(LocalFolder(folder)); }

TensorSource ShardedFiles::open(const std::string& folder) const { return open(LocalFolder(folder)); }

TensorSource ShardedFiles::open(const WeightFolder& folder) const {
  if (folder.has(single)) return TensorSource(read_bytes(folder.bytes(single)));
  const std::string index_path = folder.place(index);
  const std::map<std::string, std::string> map = read_weight_map(folder, index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) shards.insert(shard);
  std::vector<std::shared_ptr<const ByteSource>> files;
  for (const std::string& shard : shards) {
    if (!folder.has(shard))
      throw InputError(folder.place(shard) + ": missing, but " + index_path +
                       " lists it; the download is incomplete");
    files.push_back(folder.bytes(shard));
  }
  std::vector<std::vector<StoredTensor>> headers(files.size());
  for_all(files.size(), std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kThreads),
          [&](std::size_t k) { headers[k] = read_bytes(files[k]); });
  std::vector<StoredTensor> tensors;
  auto header = headers.begin();
  for (const std::string& shard : shards) {
    for (StoredTensor& tensor : *header++) {
      const auto listed = map.find(tensor.name);
      if (listed == map.end() || listed->second != shard)
        throw InputError(folder.place(shard) + ": tensor " + tensor.name +
                         " is not listed for this file in " + index_path);
      tensors.push_back(std::move(tensor));
    }
  }
  TensorSource source(std::move(tensors));
  for (const auto& [tensor, shard] : map) {
    if (source.find(tensor) == nullptr)
      throw InputError(folder.place(shard) + ": tensor " + tensor + " is missing, but " + index_path +
                       " lists it");
  }
  return source;
}

}  // namespace mhub
