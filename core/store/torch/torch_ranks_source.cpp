// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "mhub/base/error.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

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
  if (error && !is_absence(error)) throw IoError("cannot list", directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

/// The state dict under a key of a rank's top-level dict, where one is: "model", "model0" ...,
/// kCarriedSection.
std::optional<StateDict> state_dict(const std::string& rank, const std::string& key) {
  StateDict dict{rank, key};
  if (key == StateDict::kModel || dict.carried()) return dict;
  if (!key.starts_with(StateDict::kModel)) return std::nullopt;
  const char* const end = key.data() + key.size();
  const auto parsed = std::from_chars(key.data() + StateDict::kModel.size(), end, dict.chunk);
  if (parsed.ec != std::errc() || parsed.ptr != end || dict.chunk < 0) return std::nullopt;
  return dict;
}

void add_model(const TorchArchive& archive, const PickleNode& model, const StateDict& dict,
               std::vector<StoredTensor>& tensors) {
  const auto shared = std::make_shared<const StateDict>(dict);
  const std::string prefix = dict.prefix();
  for (const auto& [name, node] : model.as_named(archive.what() + ": model")) {
    // A module object: FP8 statistics, or nothing. Grouped experts have "_extra_state", "_extra_state1", ...
    if (name.substr(name.rfind('.') + 1).starts_with("_extra_state")) continue;
    // megatron/legacy/model/language_model.py
    if (name == "language_model")
      throw InputError(
          archive.what() + ": is of Megatron-LM's legacy models, before megatron-core, which mhub " +
          "does not read; Megatron-LM's tools/checkpoint/convert.py --saver core makes a newer one");
    auto tensor = archive.tensor(*node, prefix + std::string(name));
    if (!tensor)
      throw InputError(archive.what() + ": " + std::string(name) + ": expected a tensor, found " +
                       describe(*node));
    tensor->dict = shared;
    tensors.push_back(std::move(*tensor));
  }
}

}  // namespace

const std::string_view StateDict::kCarriedSection = "hf";

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
    for (const auto& [key, node] : top.as_named(path)) {
      const std::optional<StateDict> dict = state_dict(rank, std::string(key));
      if (!dict) continue;
      add_model(archive, *node, *dict, tensors);
      any = any || !dict->carried();
    }
    if (!any) throw InputError(path + ": no model in it; not a Megatron checkpoint");
    if (result.common == nullptr) result.common = archive.shared(top);
  }
  if (result.ranks.empty()) throw InputError(directory + ": no mp_rank_* folders");
  result.tensors = TensorSource(std::move(tensors));
  return result;
}

}  // namespace mhub
