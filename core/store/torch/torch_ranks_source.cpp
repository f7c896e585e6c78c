// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_zip/torch_archive.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr const char* kFile = "model_optim_rng.pt";

std::vector<std::string> rank_folders(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("mp_rank_") && it->is_directory()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void add_model(const TorchArchive& archive, const PickleNode& model, const std::string& prefix,
               std::vector<StoredTensor>& tensors) {
  const auto& pairs = model.as_pairs(archive.what() + ": model");
  for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
    const std::string& name = pairs[k]->as_string(archive.what() + ": model: key");
    // A module object: FP8 statistics, or nothing. Grouped experts have "_extra_state", "_extra_state1", ...
    if (name.substr(name.rfind('.') + 1).starts_with("_extra_state")) continue;
    if (auto tensor = archive.tensor(*pairs[k + 1], prefix + name)) {
      tensors.push_back(std::move(*tensor));
    } else {
      throw InputError(archive.what() + ": " + name + ": expected a tensor, found " +
                       describe(*pairs[k + 1]));
    }
  }
}

}  // namespace

bool is_torch_ranks(const std::string& directory) { return !rank_folders(directory).empty(); }

TorchRanksCheckpoint open_torch_ranks(const std::string& directory) {
  TorchRanksCheckpoint result;
  result.ranks = rank_folders(directory);
  std::vector<StoredTensor> tensors;
  for (const std::string& rank : result.ranks) {
    const std::string path = (fs::path(directory) / rank / kFile).string();
    if (!fs::exists(path)) throw InputError(path + ": missing; the checkpoint is incomplete");
    const TorchArchive archive(path);
    const PickleNode& top = archive.root();
    bool any = false;
    const auto& pairs = top.as_pairs(path);
    for (std::size_t k = 0; k + 1 < pairs.size(); k += 2) {
      const std::string& key = pairs[k]->as_string(path + ": key");
      const bool stage = key.starts_with("model") && key.size() > 5 &&
                         key.find_first_not_of("0123456789", 5) == std::string::npos;
      const bool carried = key == kCarriedSection;
      if (key != "model" && !stage && !carried) continue;
      add_model(archive, *pairs[k + 1], rank + "/" + (key == "model" ? "" : key + "/"), tensors);
      any = any || !carried;
    }
    if (!any) throw InputError(path + ": no model in it; not a Megatron checkpoint");
    if (result.common == nullptr) {
      result.arena = archive.arena();
      result.common = &top;
    }
  }
  if (result.ranks.empty()) throw InputError(directory + ": no mp_rank_* folders");
  result.tensors = TensorSource(std::move(tensors));
  return result;
}

}  // namespace mhub
