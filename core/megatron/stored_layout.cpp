// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/stored_layout.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/store/torch/torch_ranks.hpp"

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

/// A stored name of a `torch` checkpoint taken apart: "mp_rank_00_001/model1/decoder.layers.3.mlp..."
struct RankName {
  std::string folder;
  int chunk = 0;
  std::string parameter;
};
RankName rank_name(const std::string& stored) {
  RankName name;
  const std::size_t slash = stored.find('/');
  name.folder = stored.substr(0, slash);
  name.parameter = stored.substr(slash + 1);
  const std::string carried = std::string(kCarriedSection) + "/";
  if (name.parameter.starts_with(carried)) {
    name.parameter.replace(0, carried.size(), kCarriedPrefix);
  } else if (const std::size_t second = name.parameter.find('/'); second != std::string::npos) {
    std::from_chars(name.parameter.data() + std::string_view("model").size(), name.parameter.data() + second,
                    name.chunk);
    name.parameter.erase(0, second + 1);
  }
  return name;
}

class TorchReader {
 public:
  TorchReader(const StoredFacts& facts, const TensorSource& tensors,
              const std::vector<CanonicalTensor>& canonical)
      : facts_(facts), tensors_(tensors), canonical_(canonical) {}

  LayoutRequest read() {
    const ParallelSizes sizes = read_sizes();
    LayoutRequest request(sizes, PipelineSplit(read_counts(sizes)));
    request.sizes.virtual_pipeline = request.split.chunks();
    for (const StoredTensor& tensor : tensors_.tensors()) {
      if (tensor.name.find(".experts.local_experts.") != std::string::npos)
        request.experts = ExpertNames::sequential;
      if (tensor.name.find(".transformer_layer.") != std::string::npos)
        request.mtp_block_name = "transformer_layer";
    }
    request.impl = read_impl();
    require_ranks(request.sizes);
    return request;
  }

 private:
  /// Two numbers are TP and PP, or TP and EP: the folder's name does not say.
  bool second_is_expert(int second_ranks) const {
    if (facts_.args.contains("pipeline_model_parallel_size") &&
        facts_.args["pipeline_model_parallel_size"].is_number_integer())
      return facts_.args["pipeline_model_parallel_size"] == 1 && second_ranks > 1;
    // Every expert-parallel rank has the whole of the dense layers, a pipeline stage has no more than its
    // own.
    for (const std::string& rank : facts_.ranks) {
      const bool last = has(rank, "decoder.final_layernorm.weight") || has(rank, "decoder.final_norm.weight");
      if (!has(rank, "embedding.word_embeddings.weight") || !last) return false;
    }
    return true;
  }
  bool has(const std::string& rank, const std::string& parameter) const {
    return tensors_.find(rank + "/" + parameter) != nullptr;
  }

  ParallelSizes read_sizes() const {
    ParallelSizes sizes;
    std::size_t fields = 0;
    int first = 0, second = 0, third = 0;
    for (const std::string& rank : facts_.ranks) {
      const std::vector<int> numbers = rank_numbers(rank, facts_.directory);
      if (fields != 0 && numbers.size() != fields)
        throw InputError(facts_.directory + ": rank folders of different kinds: " + facts_.ranks.front() +
                         " and " + rank);
      fields = numbers.size();
      if (fields > 0) first = std::max(first, numbers[0]);
      if (fields > 1) second = std::max(second, numbers[1]);
      if (fields > 2) third = std::max(third, numbers[2]);
    }
    sizes.tensor = first + 1;
    if (fields == 3) {
      sizes.pipeline = second + 1;
      sizes.expert = third + 1;
    } else if (fields == 2) {
      (second_is_expert(second + 1) ? sizes.expert : sizes.pipeline) = second + 1;
    }
    sizes.expert_tensor = sizes.tensor;
    if (facts_.args.contains("expert_tensor_parallel_size") &&
        facts_.args["expert_tensor_parallel_size"].is_number_integer())
      sizes.expert_tensor = std::clamp(facts_.args["expert_tensor_parallel_size"].get<int>(), 1, 65536);
    return sizes;
  }

  /// Layers by [stage][chunk], counted on the first rank of each stage.
  std::vector<std::vector<std::int64_t>> read_counts(const ParallelSizes& sizes) const {
    std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(sizes.pipeline));
    int chunks = 1;
    for (const StoredTensor& tensor : tensors_.tensors())
      chunks = std::max(chunks, rank_name(tensor.name).chunk + 1);
    if (chunks > 1024)
      throw InputError(facts_.directory + ": " + std::to_string(chunks) + " model chunks in a rank");
    for (auto& stage : counts) stage.assign(static_cast<std::size_t>(chunks), 0);
    std::int64_t all = 0;
    for (int stage = 0; stage < sizes.pipeline; ++stage) {
      const std::string folder = torch_rank_folder(sizes, 0, stage, 0);
      for (const StoredTensor& tensor : tensors_.tensors()) {
        const RankName name = rank_name(tensor.name);
        const auto layer = pipeline_layer(name.parameter);
        if (name.folder != folder || !layer) continue;
        std::int64_t& count = counts[static_cast<std::size_t>(stage)][static_cast<std::size_t>(name.chunk)];
        count = std::max(count, layer->layer + 1);
      }
      for (const std::int64_t count : counts[static_cast<std::size_t>(stage)]) all += count;
    }
    std::int64_t wanted = 0;
    for (const CanonicalTensor& tensor : canonical_) {
      if (const auto layer = pipeline_layer(tensor.name)) wanted = std::max(wanted, layer->layer + 1);
    }
    if (all != wanted)
      throw InputError(facts_.directory + ": has " + std::to_string(all) + " layers in all, expected " +
                       std::to_string(wanted) + "; its ranks or its config are incomplete");
    return counts;
  }

  /// Local names where a parameter has one that TransformerEngine's spec would give another.
  TransformerImpl read_impl() const {
    std::unordered_set<std::string> stored;  // "<rest of a layer's parameter>"
    for (const StoredTensor& tensor : tensors_.tensors()) {
      if (const auto layer = decoder_layer(rank_name(tensor.name).parameter)) stored.insert(layer->after);
    }
    for (const CanonicalTensor& tensor : canonical_) {
      const auto layer = decoder_layer(tensor.name);
      if (!layer || expert_name(tensor.name)) continue;
      const auto local = decoder_layer(parameter_name(tensor.name, TransformerImpl::local));
      if (!stored.contains(layer->after) && stored.contains(local->after)) return TransformerImpl::local;
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
  const TensorSource& tensors_;
  const std::vector<CanonicalTensor>& canonical_;
};

LayoutRequest read_torch_dist(const TensorSource& tensors, const std::vector<CanonicalTensor>& canonical,
                              const TransformerConfig& config) {
  LayoutRequest request({}, PipelineSplit(config.num_layers, ParallelSizes{}));
  request.keys.stack_layers = true;
  request.local_norm_keys = has_local_norm_keys(config);
  for (const StoredTensor& tensor : tensors.tensors()) {
    if (decoder_layer(tensor.name)) request.keys.stack_layers = false;
    const std::size_t experts = tensor.name.find(".experts.experts.");
    const std::size_t number = experts + std::string_view(".experts.experts.").size();
    if (tensor.name.ends_with("linear_fc1.weight_w") ||
        (experts != std::string::npos && number < tensor.name.size() && tensor.name[number] >= '0' &&
         tensor.name[number] <= '9'))
      request.keys.singleton = true;
  }
  const ModelCounts counts = count_parts(canonical);
  for (const CanonicalTensor& tensor : canonical) {
    if (expert_name(tensor.name)) continue;
    LayoutRequest local = request;
    local.impl = TransformerImpl::local;
    const bool te = tensors.find(torch_dist_place(tensor.name, request, counts).key) != nullptr;
    if (!te && tensors.find(torch_dist_place(tensor.name, local, counts).key) != nullptr) return local;
  }
  return request;
}

/// The padded vocabulary: rows of the first stored tensor that counts tokens.
std::int64_t stored_vocabulary(const StoredFacts& facts, const TensorSource& tensors,
                               const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  const bool torch = facts.format == "torch";
  for (const CanonicalTensor& tensor : canonical) {
    if (!tensor.partition.vocabulary) continue;
    const StagePlace place = request.split.place_of(tensor.name);
    std::string name = tensor.name;
    if (torch) {
      const std::string chunk = request.split.chunks() > 1 ? "model" + std::to_string(place.chunk) + "/" : "";
      name = torch_rank_folder(request.sizes, 0, place.stage, 0) + "/" + chunk + name;
    }
    const StoredTensor* stored = tensors.find(name);
    if (stored == nullptr || stored->shape.empty()) continue;
    const std::int64_t rows = stored->shape[0] * (torch ? request.sizes.tensor : 1);
    if (rows < tensor.shape[0]) {
      throw InputError(facts.directory + ": tensor " + stored->name + " has " + std::to_string(rows) +
                       " rows in all, expected at least " + std::to_string(tensor.shape[0]));
    }
    return rows;
  }
  return 0;
}

}  // namespace

LayoutRequest stored_layout(const StoredFacts& facts, const TensorSource& tensors,
                            const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config) {
  LayoutRequest request = facts.format == "torch" ? TorchReader(facts, tensors, canonical).read()
                                                  : read_torch_dist(tensors, canonical, config);
  request.tied_embedding = config.share_embeddings_and_output_weights;
  request.has_mtp = config.mtp_num_layers > 0;
  const std::int64_t rows = stored_vocabulary(facts, tensors, canonical, request);
  request.padded_vocab_size = rows > 0 ? rows : config.vocab_size;
  return request;
}

bool has_local_norm_keys(const TransformerConfig& config) {
  return config.mla || config.image || config.vision;
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
