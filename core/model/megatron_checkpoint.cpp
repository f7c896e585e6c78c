#include "mhub/model/megatron_checkpoint.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
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

/// What optimizers and schedulers keep beside the model.
bool is_training_state(const std::string& key) {
  return key.starts_with("optimizer.") || key.starts_with("chained_") ||
         key.starts_with("opt_param_scheduler") || key.starts_with("rng_state") ||
         key.starts_with("rerun_state_machine");
}

/// Tensor- and pipeline-parallel sizes that rank folder names imply; all ranks must be there.
ParallelSizes rank_sizes(const MegatronCheckpoint& checkpoint) {
  ParallelSizes sizes;
  for (const std::string& rank : checkpoint.ranks) {
    int tp = 0, pp = 0, expert = 0;
    const int fields = std::sscanf(rank.c_str(), "mp_rank_%d_%d_%d", &tp, &pp, &expert);
    if (fields < 1 || fields > 2 || tp < 0 || pp < 0 || tp > 100000 || pp > 100000) {
      throw InputError(checkpoint.directory + "/" + rank +
                       ": not a rank folder that is understood (expert-parallel ranks are not yet)");
    }
    sizes.tensor = std::max(sizes.tensor, tp + 1);
    sizes.pipeline = std::max(sizes.pipeline, pp + 1);
  }
  for (int tp = 0; tp < sizes.tensor; ++tp) {
    for (int pp = 0; pp < sizes.pipeline; ++pp) {
      const std::string name = torch_rank_folder(sizes, tp, pp);
      if (std::find(checkpoint.ranks.begin(), checkpoint.ranks.end(), name) == checkpoint.ranks.end()) {
        throw InputError(checkpoint.directory + "/" + name + ": missing; the checkpoint is incomplete");
      }
    }
  }
  return sizes;
}

Layout layout_of(const MegatronCheckpoint& checkpoint, const std::vector<CanonicalTensor>& canonical,
                 const TransformerConfig& config) {
  LayoutRequest request;
  request.num_layers = config.num_layers;
  request.tied_embedding = config.share_embeddings_and_output_weights;
  const bool torch = checkpoint.format == "torch";
  if (torch) request.sizes = rank_sizes(checkpoint);
  const std::string folder = torch ? torch_rank_folder(request.sizes, 0, 0) + "/" : "";
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (tensor.name.find(".input_layernorm.") != std::string::npos) request.impl = TransformerImpl::local;
  }
  request.padded_vocab_size = config.vocab_size;
  for (const CanonicalTensor& tensor : canonical) {
    const StoredTensor* stored =
        tensor.partition.vocabulary ? checkpoint.tensors.find(folder + tensor.name) : nullptr;
    if (stored == nullptr || stored->shape.empty()) continue;
    const std::int64_t rows = stored->shape[0] * (torch ? request.sizes.tensor : 1);
    if (rows < tensor.shape[0]) {
      throw InputError(checkpoint.directory + ": tensor " + stored->name + " has " + std::to_string(rows) +
                       " rows in all, expected at least " + std::to_string(tensor.shape[0]));
    }
    request.padded_vocab_size = rows;
    break;
  }
  return torch ? torch_layout(canonical, request) : torch_dist_layout(canonical, request);
}

const StoredTensor* bind(const MegatronCheckpoint& checkpoint, const StateTensor& wanted) {
  const StoredTensor* tensor = checkpoint.tensors.find(wanted.name);
  if (tensor == nullptr)
    throw InputError(checkpoint.directory + ": tensor " + wanted.name + " " + to_string(wanted.shape) +
                     " is missing");
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
    TorchDistCheckpoint opened = open_torch_dist(checkpoint.directory);
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
  for (const fs::path& place :
       {fs::absolute(folder), fs::absolute(folder).lexically_normal().parent_path()}) {
    if (const fs::path file = place / kManifestName;
        checkpoint.manifest.is_null() && fs::is_regular_file(file)) {
      checkpoint.manifest = parse_json_file(file.string(), 1ULL << 30);
    }
  }
  return checkpoint;
}

CanonicalState canonical_state(const MegatronCheckpoint& checkpoint,
                               const std::vector<CanonicalTensor>& canonical,
                               const TransformerConfig& config) {
  const Layout layout = layout_of(checkpoint, canonical, config);
  CanonicalState state{canonical, inverted(layout.map), {}, {}};
  std::unordered_set<const StoredTensor*> used;
  for (const StateTensor& wanted : state.to_canonical.source) {
    state.sources.push_back(bind(checkpoint, wanted));
    used.insert(state.sources.back());
  }
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    if (!used.contains(&tensor) && !is_training_state(tensor.name)) {
      throw InputError(checkpoint.directory + ": tensor " + tensor.name + " " + to_string(tensor.shape) +
                       " is not part of this model");
    }
  }
  return state;
}

StoredCopies stored_copies(const MegatronCheckpoint& checkpoint,
                           const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config) {
  Layout layout = layout_of(checkpoint, canonical, config);
  StoredCopies copies;
  copies.map.source = std::move(layout.map.source);
  for (std::size_t d = 0; d < layout.map.destination.size(); ++d) {
    if (layout.map.copy[d] == 0) continue;
    copies.stored.push_back(bind(checkpoint, layout.map.destination[d]));
    copies.map.destination.push_back(layout.map.destination[d]);
    copies.map.terms.push_back(std::move(layout.map.terms[d]));
    copies.map.copy.push_back(0);
  }
  return copies;
}

}  // namespace mhub
