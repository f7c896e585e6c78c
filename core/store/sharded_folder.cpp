// SPDX-License-Identifier: Apache-2.0
#include "mhub/store/sharded_folder.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/base/processors.hpp"
#include "mhub/store/weight_map.hpp"

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
  const WeightMap map(read_all(*folder.bytes(index), index_path, 256 << 20), index_path);
  std::vector<std::shared_ptr<const ByteSource>> files;
  for (const std::string& shard : map.files()) {
    if (!folder.has(shard))
      throw InputError(folder.place(shard) + ": missing, but " + index_path +
                       " lists it; the download is incomplete");
    files.push_back(folder.bytes(shard));
  }
  std::vector<std::vector<StoredTensor>> headers(files.size());
  for_all(files.size(), std::min<std::size_t>(static_cast<std::size_t>(usable_processors()), kThreads),
          [&](std::size_t k) { headers[k] = read_bytes(files[k]); });
  std::vector<StoredTensor> tensors;
  tensors.reserve(map.tensors().size());
  for (std::size_t k = 0; k < files.size(); ++k) {
    for (StoredTensor& tensor : headers[k]) {
      if (!map.lists(tensor.name, k))
        throw InputError(folder.place(map.files()[k]) + ": tensor " + tensor.name +
                         " is not listed for this file in " + index_path);
      tensors.push_back(std::move(tensor));
    }
  }
  TensorSource source(std::move(tensors));
  // No file has one that is not listed, and none is in two: fewer than listed are there where one is missing.
  if (source.tensors().size() == map.tensors().size()) return source;
  for (const auto& [tensor, file] : map.tensors()) {
    if (source.find(tensor) == nullptr)
      throw InputError(folder.place(map.files()[file]) + ": tensor " + std::string(tensor) +
                       " is missing, but " + index_path + " lists it");
  }
  return source;
}

}  // namespace mhub
