// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/megatron_checkpoint.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/megatron/hybrid_config.hpp"
#include "mhub/megatron/hybrid_names.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/megatron/run_config.hpp"
#include "mhub/megatron/stored_layout.hpp"
#include "mhub/store/pickle/plain.hpp"
#include "mhub/store/torch/torch_ranks.hpp"
#include "mhub/store/torch_dist/torch_dist_source.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr const char* kTracker = "latest_checkpointed_iteration.txt";

bool holds_tensors(const fs::path& folder) {
  return is_torch_dist(folder.string()) || is_torch_ranks(folder.string());
}

/// The iteration folder that a path means; empty when it is no Megatron checkpoint.
fs::path resolve(const fs::path& path) {
  if (holds_tensors(path)) return path;
  if (!fs::is_regular_file(path / kTracker)) return {};
  std::string iteration = read_file((path / kTracker).string(), 64);
  while (!iteration.empty() && std::isspace(static_cast<unsigned char>(iteration.back())) != 0)
    iteration.pop_back();
  if (iteration == "release") return path / "release";
  int number = 0;
  const auto parsed = std::from_chars(iteration.data(), iteration.data() + iteration.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != iteration.data() + iteration.size() || number < 0) {
    throw InputError((path / kTracker).string() + ": expected an iteration number or \"release\", found \"" +
                     iteration + "\"");
  }
  std::array<char, 24> name{};
  std::snprintf(name.data(), name.size(), "iter_%07d", number);
  return path / name.data();
}

/// What optimizers, schedulers and data loaders keep beside the model.
bool is_training_state(const std::string& key) {
  constexpr std::array<std::string_view, 6> kPrefixes{
      "optimizer.", "chained_", "opt_param_scheduler", "rng_state", "rerun_state_machine", "common_state"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

/// Takes the names of wrapper modules off all parameters.
void strip_wrappers(MegatronCheckpoint& checkpoint) {
  std::vector<std::string> names;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) names.emplace_back(tensor.parameter());
  const std::string prefix = wrapper_prefix(names);
  if (prefix.empty()) return;
  std::vector<StoredTensor> tensors = checkpoint.tensors.tensors();
  for (StoredTensor& tensor : tensors)
    tensor.name.erase(tensor.name.size() - tensor.parameter().size(), prefix.size());
  checkpoint.tensors = TensorSource(std::move(tensors));
}

/// HybridModel calls the last norm final_norm; that of a GPTModel has another name.
bool named_as_hybrid(const MegatronCheckpoint& checkpoint) {
  const auto& tensors = checkpoint.tensors.tensors();
  return std::any_of(tensors.begin(), tensors.end(), [](const StoredTensor& tensor) {
    return tensor.parameter().ends_with("decoder.final_norm.weight");
  });
}

Layout layout_of(const MegatronCheckpoint& checkpoint, const std::vector<CanonicalTensor>& canonical,
                 const TransformerConfig& config) {
  if (checkpoint.format == "hdf5") return canonical_layout(canonical);
  auto stored = [&](const std::vector<CanonicalTensor>& tensors, const TransformerConfig& of) {
    const LayoutRequest request = layout_request(checkpoint, tensors, of);
    return checkpoint.format == "torch" ? torch_layout(tensors, request)
                                        : torch_dist_layout(tensors, request);
  };
  if (!named_as_hybrid(checkpoint) || !config.hybrid_layer_pattern.empty()) return stored(canonical, config);
  return stored(hybrid_tensors(canonical), hybrid_config(config, hybrid_pattern(canonical)));
}

/// The Hugging Face name of a carried tensor, be it stored or wanted; nothing for others.
template <typename Tensor>
std::optional<std::string> carried_name_of(const Tensor& tensor) {
  if (tensor.dict != nullptr && tensor.dict->carried()) return std::string(tensor.parameter());
  if (is_carried(tensor.name)) return carried_name(tensor.name);
  return std::nullopt;
}

const StoredTensor* bind(const MegatronCheckpoint& checkpoint, const SinkTensor& wanted,
                         const CarriedElsewhere& elsewhere) {
  const StoredTensor* tensor = checkpoint.tensors.find(wanted.name);
  const auto carried = carried_name_of(wanted);
  if (tensor == nullptr && carried && elsewhere) tensor = elsewhere(*carried);
  if (tensor == nullptr) {
    throw InputError(
        checkpoint.directory + ": tensor " + wanted.name + " " + to_string(wanted.shape) + " is missing" +
        (carried ? "; Megatron's model has no place for it, so a checkpoint that it saved itself lost it: "
                   "--hf-reference DIR with the original's weights gives it back"
                 : ""));
  }
  if (tensor->shape != wanted.shape) {
    throw InputError(checkpoint.directory + ": tensor " + wanted.name + " has shape " +
                     to_string(tensor->shape) + ", expected " + to_string(wanted.shape));
  }
  return tensor;
}

}  // namespace

bool is_megatron_checkpoint(const std::string& path) { return !resolve(path).empty(); }

MegatronCheckpoint open_megatron_checkpoint(const std::string& path) {
  MegatronCheckpoint checkpoint;
  const fs::path folder = resolve(path);
  if (folder.empty() || !holds_tensors(folder))
    throw InputError((folder.empty() ? fs::path(path) : folder).string() + ": no Megatron checkpoint there");
  checkpoint.directory = folder.string();
  if (is_torch_dist(checkpoint.directory)) {
    TorchDistCheckpoint opened =
        open_torch_dist(checkpoint.directory, [](const std::string& key) { return !is_training_state(key); });
    checkpoint.training_tensors = opened.skipped;
    checkpoint.format = "torch_dist";
    checkpoint.tensors = std::move(opened.tensors);
    checkpoint.arena = std::move(opened.arena);
    checkpoint.common = opened.common;
  } else {
    TorchRanksCheckpoint opened = open_torch_ranks(checkpoint.directory);
    checkpoint.format = "torch";
    checkpoint.tensors = std::move(opened.tensors);
    checkpoint.ranks = std::move(opened.ranks);
    checkpoint.arena = std::move(opened.arena);
    checkpoint.common = opened.common;
  }
  strip_wrappers(checkpoint);
  const PickleNode* args = checkpoint.common != nullptr ? checkpoint.common->find("args") : nullptr;
  checkpoint.args = args != nullptr ? plain_json(*args) : nlohmann::json::object();
  if (const fs::path file = folder / "run_config.yaml"; fs::is_regular_file(file))
    checkpoint.run_config = file.string();
  return checkpoint;
}

std::optional<TransformerConfig> described_model(const MegatronCheckpoint& checkpoint) {
  constexpr std::uint64_t kLargest = 4 << 20;
  // Where both are there, args say more: Megatron-Bridge refuses fields that it does not know.
  if (!checkpoint.args.empty())
    return gpt_config(read_megatron_args(checkpoint.args, checkpoint.directory + ": args"));
  if (!checkpoint.run_config.empty())
    return gpt_config(read_run_config(read_file(checkpoint.run_config, kLargest), checkpoint.run_config));
  return std::nullopt;
}

LayoutRequest layout_request(const MegatronCheckpoint& checkpoint,
                             const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config) {
  return stored_layout({checkpoint.directory, checkpoint.format, checkpoint.ranks, checkpoint.args},
                       checkpoint.tensors, canonical, config);
}

std::vector<StateTensor> carried_tensors(const MegatronCheckpoint& checkpoint) {
  std::vector<StateTensor> carried;
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (auto name = carried_name_of(tensor)) carried.push_back({std::move(*name), tensor.shape});
  }
  return carried;
}

CanonicalState canonical_state(const MegatronCheckpoint& checkpoint,
                               const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config,
                               const CarriedElsewhere& elsewhere) {
  const Layout layout = layout_of(checkpoint, canonical, config);
  CanonicalState state{canonical, inverted(layout.map), {}, {}};
  std::unordered_set<const StoredTensor*> used;
  for (const SinkTensor& wanted : layout.tensors) {
    state.sources.push_back(bind(checkpoint, wanted, elsewhere));
    used.insert(state.sources.back());
  }
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (!used.contains(&tensor)) {
      throw InputError(checkpoint.directory + ": tensor " + tensor.name + " " + to_string(tensor.shape) +
                       " is not part of this model" +
                       (carried_name_of(tensor)
                            ? "; --hf-reference DIR names the Hugging Face model that it came with"
                            : ""));
    }
  }
  return state;
}

}  // namespace mhub
