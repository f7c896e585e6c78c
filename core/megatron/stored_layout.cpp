// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/config/heterogeneous.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {
namespace {

/// The numbers of a rank folder: "mp_rank_01_003" has 1 and 3.
std::vector<int> rank_numbers(const std::string& folder, const std::string& directory) {
  std::vector<int> numbers;
  const char* at = folder.data() + std::string_view("mp_rank").size();
  const char* end = folder.data() + folder.size();
  while (at != end) {
    int number = 0;
    const auto parsed = *at == '_' ? std::from_chars(at + 1, end, number)
                                   : std::from_chars_result{at, std::errc::invalid_argument};
    if (parsed.ec != std::errc() || number < 0 || number > 100000 || numbers.size() == 3)
      throw InputError(directory + "/" + folder + ": not a rank folder: expected mp_rank_TP[_PP][_EP]");
    numbers.push_back(number);
    at = parsed.ptr;
  }
  return numbers;
}

/// A tensor of a rank and what its name in the rank's state dict says; numbers count from the chunk's first
/// layer and the rank's first expert.
struct Held {
  const StateDict& dict;
  TensorIdentity identity;
};

class TorchReader {
 public:
  TorchReader(const StoredFacts& facts, const TensorSource& tensors,
              const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config)
      : facts_(facts), canonical_(canonical), layers_(config.num_layers), naming_(naming_of(config)) {
    for (const CanonicalTensor& tensor : canonical_)
      if (tensor.identity.in_pipeline()) layers_ = std::max(layers_, tensor.identity.layer + 1);
    for (const StoredTensor& tensor : tensors.tensors()) {
      if (!tensor.dict->carried()) held_.push_back({*tensor.dict, identity_of(tensor.parameter())});
    }
  }

  LayoutRequest read() {
    const ParallelSizes sizes = read_sizes();
    LayoutRequest request(sizes, read_split(sizes));
    static_cast<Naming&>(request) = naming_;
    request.sizes.virtual_pipeline = request.split.chunks();
    for (const Held& tensor : held_) note_rank_name(tensor.identity, request);
    request.impl = read_impl();
    require_ranks(request.sizes);
    return request;
  }

 private:
  std::optional<std::int64_t> integer_arg(const char* name) const {
    const auto at = facts_.args.find(name);
    if (at == facts_.args.end() || !at->is_number_integer()) return std::nullopt;
    return at->get<std::int64_t>();
  }

  /// Two numbers are TP and PP, or TP and EP: the folder's name does not say.
  bool second_is_expert(int second_ranks) const {
    if (const auto stages = integer_arg("pipeline_model_parallel_size"))
      return *stages == 1 && second_ranks > 1;
    // Every expert-parallel rank has the whole of the dense layers, a pipeline stage has no more than its
    // own.
    std::set<std::string_view> first, last;  // ranks that have the model's first and last tensors
    for (const auto& [dict, identity] : held_) {
      if (!identity.of_decoder()) continue;
      if (identity.block == Block::embedding) first.insert(dict.folder);
      if (identity.block == Block::decoder) last.insert(dict.folder);
    }
    return first.size() == facts_.ranks.size() && last.size() == facts_.ranks.size();
  }

  ParallelSizes read_sizes() const {
    ParallelSizes sizes;
    std::size_t fields = 0;
    std::array<int, 3> largest{};
    for (const std::string& rank : facts_.ranks) {
      const std::vector<int> numbers = rank_numbers(rank, facts_.directory);
      if (fields != 0 && numbers.size() != fields)
        throw InputError(facts_.directory + ": rank folders of different kinds: " + facts_.ranks.front() +
                         " and " + rank);
      fields = numbers.size();
      for (std::size_t k = 0; k < fields; ++k) largest[k] = std::max(largest[k], numbers[k]);
    }
    sizes.tensor = largest[0] + 1;
    if (fields == 3) {
      sizes.pipeline = largest[1] + 1;
      sizes.expert = largest[2] + 1;
    } else if (fields == 2) {
      (second_is_expert(largest[1] + 1) ? sizes.expert : sizes.pipeline) = largest[1] + 1;
    }
    sizes.expert_tensor = sizes.tensor;
    if (const auto size = integer_arg("expert_tensor_parallel_size"))
      sizes.expert_tensor = static_cast<int>(std::clamp<std::int64_t>(*size, 1, 65536));
    return sizes;
  }

  /// A chunk of a stage in the order of layers: the numbers, within it, of its layers that have tensors.
  struct Chunk {
    std::string folder;
    std::set<std::int64_t> layers;
    std::int64_t start = 0;  ///< the model's layer that it begins with
  };

  /// A layer may be without tensors, at the end of a chunk too, so chunks begin where the model's next layer
  /// that has some says.
  void find_starts(std::vector<Chunk>& pipeline) const {
    std::set<std::int64_t> wanted;
    for (const CanonicalTensor& tensor : canonical_)
      if (tensor.identity.in_pipeline()) wanted.insert(tensor.identity.layer);
    std::size_t held = 0;
    for (const Chunk& chunk : pipeline) held += chunk.layers.size();
    if (held != wanted.size())
      throw InputError(facts_.directory + ": has " + std::to_string(held) +
                       " layers with tensors in all, expected " + std::to_string(wanted.size()) +
                       "; its ranks or its config are incomplete");
    auto next = wanted.begin();
    for (std::size_t k = 0; k < pipeline.size(); ++k) {
      Chunk& chunk = pipeline[k];
      if (k > 0 && !chunk.layers.empty()) chunk.start = *next - *chunk.layers.begin();
      const std::int64_t first = next == wanted.begin() ? 0 : *std::prev(next) + 1;
      for (const std::int64_t layer : chunk.layers) {
        if (*next - chunk.start != layer || (k > 0 && chunk.start < first))
          throw InputError(facts_.directory + ": layer " + std::to_string(layer) + " of " + chunk.folder +
                           " is no layer of the model that has tensors; its config is of another model");
        ++next;
      }
    }
    // One without tensors begins where the next one does.
    for (std::size_t k = pipeline.size(); k-- > 1;)
      if (pipeline[k].layers.empty())
        pipeline[k].start = k + 1 < pipeline.size() ? pipeline[k + 1].start : layers_;
  }

  /// From the first rank of each stage: what lies where says more than the layout that `args` may have.
  PipelineSplit read_split(const ParallelSizes& sizes) const {
    int chunks = 1;
    for (const Held& tensor : held_) chunks = std::max(chunks, tensor.dict.chunk + 1);
    if (chunks > 1024)
      throw InputError(facts_.directory + ": " + std::to_string(chunks) + " model chunks in a rank");
    std::vector<Chunk> pipeline(static_cast<std::size_t>(sizes.pipeline * chunks));
    std::map<std::string, std::size_t, std::less<>> stages;  // of first ranks' folders
    for (int stage = 0; stage < sizes.pipeline; ++stage)
      stages.emplace(torch_rank_folder(sizes, 0, stage, 0), static_cast<std::size_t>(stage));
    std::optional<StagePlace> mtp, final_norm;
    for (const auto& [dict, identity] : held_) {
      const auto stage = identity.of_decoder() ? stages.find(dict.folder) : stages.end();
      if (stage == stages.end()) continue;
      const StagePlace place{static_cast<int>(stage->second), dict.chunk, 0};
      if (identity.block == Block::mtp || identity.block == Block::mtp_layer) mtp = place;
      if (identity.block == Block::decoder) final_norm = place;
      if (!identity.in_pipeline()) continue;
      const auto at = static_cast<std::size_t>(dict.chunk * sizes.pipeline + place.stage);
      pipeline[at].folder = dict.folder;
      pipeline[at].layers.insert(identity.layer);
    }
    find_starts(pipeline);
    std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(sizes.pipeline));
    for (std::size_t k = 0; k < pipeline.size(); ++k) {
      const std::int64_t next = k + 1 < pipeline.size() ? pipeline[k + 1].start : layers_;
      counts[k % counts.size()].push_back(next - pipeline[k].start);
    }
    return PipelineSplit(std::move(counts), mtp, final_norm);
  }

  /// Local names where a parameter has one that TransformerEngine's spec would give another.
  TransformerImpl read_impl() const {
    Naming local = naming_;
    local.impl = TransformerImpl::local;
    std::unordered_set<std::string_view> stored;
    for (const Held& tensor : held_) {
      if (tensor.identity.block == Block::layer) stored.insert(tensor.identity.part);
    }
    for (const CanonicalTensor& tensor : canonical_) {
      const TensorIdentity& one = tensor.identity;
      if (one.block != Block::layer || one.of_expert() || stored.contains(one.part)) continue;
      if (stored.contains(layer_parameter(one.part, local))) return TransformerImpl::local;
    }
    return TransformerImpl::transformer_engine;
  }

  void require_ranks(const ParallelSizes& sizes) const {
    for (int stage = 0; stage < sizes.pipeline; ++stage) {
      for (const RankPlace& rank : stage_ranks(sizes)) {
        const std::string name = torch_rank_folder(sizes, rank.tensor, stage, rank.expert);
        if (std::find(facts_.ranks.begin(), facts_.ranks.end(), name) == facts_.ranks.end())
          throw InputError(facts_.directory + "/" + name + ": missing; the checkpoint is incomplete");
      }
    }
  }

  const StoredFacts& facts_;
  const std::vector<CanonicalTensor>& canonical_;
  std::int64_t layers_;  ///< of the model
  Naming naming_;
  std::vector<Held> held_;
};

LayoutRequest read_torch_dist(const TensorSource& tensors, const std::vector<CanonicalTensor>& canonical,
                              const TransformerConfig& config) {
  LayoutRequest request({}, PipelineSplit(config.num_layers, ParallelSizes{}));
  static_cast<Naming&>(request) = naming_of(config);
  for (const StoredTensor& tensor : tensors.tensors()) note_torch_dist_key(tensor.name, request);
  const ModelCounts counts(canonical);
  Naming local = request;
  local.impl = TransformerImpl::local;
  for (const CanonicalTensor& tensor : canonical) {
    if (tensor.identity.of_expert()) continue;
    if (tensors.find(torch_dist_place(tensor.identity, request, counts).key) != nullptr) continue;
    if (tensors.find(torch_dist_place(tensor.identity, local, counts).key) == nullptr) continue;
    request.impl = TransformerImpl::local;
    break;
  }
  return request;
}

/// The padded vocabulary: rows of the first stored tensor that counts tokens.
std::int64_t stored_vocabulary(const StoredFacts& facts, const TensorSource& tensors,
                               const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  const bool torch = !facts.ranks.empty();
  for (const CanonicalTensor& tensor : canonical) {
    if (!tensor.partition.vocabulary) continue;
    const StagePlace place = request.split.place_of(tensor.identity);
    std::string name = canonical_name(tensor.identity);
    if (torch) {
      StateDict dict{torch_rank_folder(request.sizes, 0, place.stage, 0), std::string(StateDict::kModel)};
      if (request.split.chunks() > 1) dict.key += std::to_string(place.chunk);
      name.insert(0, dict.prefix());
    }
    const StoredTensor* stored = tensors.find(name);
    if (stored == nullptr || stored->shape.empty()) continue;
    const std::int64_t rows = stored->shape[0] * (torch ? request.sizes.tensor : 1);
    if (rows < tensor.shape[0]) {
      throw InputError(facts.directory + ": tensor " + stored->name + " has " + std::to_string(rows) +
                       " rows in all, expected at least " + std::to_string(tensor.shape[0]));
    }
    if (facts.vocabulary_rows && rows > *facts.vocabulary_rows) {
      throw InputError(facts.directory + ": tensor " + stored->name + " has " + std::to_string(rows) +
                       " rows in all, and the checkpoint's args or run_config.yaml say " +
                       std::to_string(*facts.vocabulary_rows) + "; one of the two is wrong");
    }
    return rows;
  }
  return 0;
}

}  // namespace

LayoutRequest stored_layout(const StoredFacts& facts, const TensorSource& tensors,
                            const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config) {
  LayoutRequest request = !facts.ranks.empty() ? TorchReader(facts, tensors, canonical, config).read()
                                               : read_torch_dist(tensors, canonical, config);
  request.tied_embedding = config.share_embeddings_and_output_weights;
  request.has_mtp = config.mtp_num_layers > 0;
  const std::int64_t rows = stored_vocabulary(facts, tensors, canonical, request);
  request.padded_vocab_size = rows > 0 ? rows : config.vocab_size;
  return request;
}

Naming naming_of(const TransformerConfig& config) {
  Naming naming;
  naming.local_norm_keys = config.mla || config.image || config.vision || config.local_spec_only;
  naming.local_post_norms = config.local_spec_only;
  // Layers of a list have keys of their own (transformer_block.py, sharded_state_dict), whatever they are.
  const bool listed = config.moe && !config.moe->layer_freq.empty();
  for (std::int64_t layer = 0; config.full_attention && !listed && layer < config.num_layers; ++layer)
    naming.windowed.push_back(has_window(config, layer) ? 1 : 0);
  return naming;
}

std::string wrapper_prefix(const std::vector<std::string>& parameter_names) {
  std::string_view prefix;
  for (const std::string& name : parameter_names) {
    const std::size_t at = name.find("decoder.");
    if (at == std::string::npos) continue;
    // Only wrappers: "language_model." in front of a decoder belongs to its name.
    std::string_view rest = std::string_view(name).substr(0, at);
    while (rest.starts_with("module.") || rest.starts_with("model.")) rest.remove_prefix(rest.find('.') + 1);
    prefix = std::string_view(name).substr(0, at - rest.size());
    break;
  }
  const bool all = std::all_of(parameter_names.begin(), parameter_names.end(),
                               [&](const std::string& name) { return name.starts_with(prefix); });
  return all ? std::string(prefix) : "";
}

}  // namespace mhub
