// SPDX-License-Identifier: Apache-2.0
// What the layouts of all formats are made of, and the one without ranks.
#include "mhub/megatron/layout.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/rules/mixer_rules.hpp"

namespace mhub {
namespace {

/// Query heads of linear_qkv's rows: a group's are the first of its slices, a value head is the last.
std::int64_t query_heads(const Partition::Segment& rows) {
  return rows.length / rows.unit * (rows.slices.front().length / rows.slices.back().length);
}

/// Ranks may share a query group when each group goes to the same number of them: ColumnParallelLinear cuts
/// the rows of linear_qkv evenly, blind to groups, and the forward pass gathers what a rank needs
/// (transformer_config.py, num_query_groups; attention.py, get_query_key_value_tensors; since megatron-core
/// 0.16). Other blocks stay whole.
bool divides(const Partition::Segment& segment, int ranks) {
  const std::int64_t blocks = segment.length / segment.unit;
  if (segment.length % ranks != 0) return false;
  if (blocks % ranks == 0) return true;
  if (segment.slices.empty() || ranks % blocks != 0) return false;
  return query_heads(segment) % ranks == 0;
}

[[noreturn]] void indivisible(const std::string& name, const Partition& partition,
                              const Partition::Segment& segment, int ranks) {
  std::string what = std::to_string(segment.length) + " indices of axis " + std::to_string(partition.axis);
  if (!segment.slices.empty())
    what += " (" + std::to_string(query_heads(segment)) + " query heads in " +
            std::to_string(segment.length / segment.unit) + " groups)";
  else if (segment.unit > 1)  // a mixer's groups, a head
    what += " (blocks of " + std::to_string(segment.unit) +
            ", which stay whole: " + std::to_string(segment.length / segment.unit) + ")";
  std::string sizes;
  for (int size = 1; size <= 64; ++size)
    if (divides(segment, size)) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  throw InputError("tensor " + name + ": " + what + " cannot be split over TP=" + std::to_string(ranks) +
                   "; sizes up to 64 that would do: " + sizes);
}

}  // namespace

AxisRanges shard_ranges(const std::string& name, const Partition& partition, int ranks, int rank) {
  AxisRanges ranges;
  std::int64_t global = 0;
  std::int64_t local = 0;
  for (const Partition::Segment& one : partition.segments) {
    if (!divides(one, ranks)) indivisible(name, partition, one, ranks);
    const std::int64_t part = one.length / ranks;
    ranges.push_back({global + rank * part, local, part});
    global += one.length;
    local += part;
  }
  return ranges;
}

std::int64_t padded_vocabulary(std::int64_t rows, std::int64_t divisible_by, int tensor_parallel) {
  const std::int64_t multiple = divisible_by * tensor_parallel;
  return (rows + multiple - 1) / multiple * multiple;
}

CanonicalTensor padded(CanonicalTensor tensor, std::int64_t rows) {
  if (!tensor.partition.vocabulary) return tensor;
  tensor.shape[0] = rows;
  tensor.partition.segments = {rows};
  return tensor;
}

nlohmann::json described(const ParallelSizes& sizes) {
  return {{"tp", sizes.tensor},
          {"pp", sizes.pipeline},
          {"vpp", sizes.virtual_pipeline},
          {"ep", sizes.expert},
          {"etp", sizes.expert_tensor}};
}

std::vector<RankPlace> stage_ranks(const ParallelSizes& sizes) {
  const int expert_world = sizes.expert * sizes.expert_tensor;
  const int world = std::lcm(sizes.tensor, expert_world);
  std::vector<RankPlace> ranks;
  ranks.reserve(static_cast<std::size_t>(world));
  for (int rank = 0; rank < world; ++rank) {
    ranks.push_back(
        {rank % sizes.tensor, rank / sizes.expert_tensor % sizes.expert, rank % sizes.expert_tensor});
  }
  return ranks;
}

std::vector<Shard> shards_of(const CanonicalTensor& tensor, const std::vector<RankPlace>& ranks,
                             const ParallelSizes& sizes, std::int64_t experts) {
  const bool expert = tensor.identity.of_expert(), whole = tensor.partition.replicated();
  if (expert && experts % sizes.expert != 0) {
    throw InputError("tensor " + tensor.name + ": " + std::to_string(experts) +
                     " experts cannot be split over EP=" + std::to_string(sizes.expert) +
                     "; choose an expert-parallel size that divides them");
  }
  std::vector<Shard> shards;
  const int all = expert ? sizes.expert_tensor : sizes.tensor;
  std::vector<bool> seen(static_cast<std::size_t>(all));
  if (!expert) shards.reserve(ranks.size());
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    if (expert && tensor.identity.expert / (experts / sizes.expert) != ranks[r].expert) continue;
    const int part = expert ? ranks[r].expert_tensor : ranks[r].tensor;
    std::vector<bool>::reference before = seen[whole ? 0 : static_cast<std::size_t>(part)];
    Shard& shard = shards.emplace_back(Shard{r, {}, before});
    before = true;
    if (!whole) shard.ranges = shard_ranges(tensor.name, tensor.partition, all, part);
  }
  return shards;
}

bool layers_are_alike(const std::vector<CanonicalTensor>& canonical, const Naming& naming) {
  using Part = std::pair<std::string, std::int64_t>;  // and expert
  std::map<std::string, std::map<std::int64_t, std::map<Part, Shape>>> stacks;
  for (const CanonicalTensor& tensor : canonical) {
    const TensorIdentity& one = tensor.identity;
    if (one.block != Block::layer) continue;
    std::string stack = one.module;
    if (const std::optional<bool> windowed = attention_is_windowed(one, naming))
      stack += *windowed ? " sliding" : " global";
    stacks[stack][one.layer].emplace(Part{one.part, one.expert}, tensor.shape);
  }
  for (const auto& [stack, layers] : stacks) {
    for (const auto& [layer, tensors] : layers) {
      if (tensors != layers.begin()->second) return false;
    }
  }
  return true;
}

namespace {

/// Choices of tokens do not travel between stages, nor between chunks of one
/// (experimental_attention_variant_module_specs.py, _validate_dsa_index_share_pipeline_split).
void add_sharing_limit(std::vector<std::string>& limits, const TransformerConfig& config,
                       const LayoutRequest& request) {
  if (!config.sparse_attention) return;
  const auto chunk = [&](std::int64_t layer) {
    const StagePlace place = request.split.place_of({"", Block::layer, layer, -1, ""});
    return std::pair(place.stage, place.chunk);
  };
  std::int64_t chooser = 0;
  for (std::int64_t layer = 0; layer < config.num_layers; ++layer) {
    if (chooses_tokens(*config.sparse_attention, layer)) chooser = layer;
    if (chunk(layer) == chunk(chooser)) continue;
    limits.push_back("sparse attention that layers share: layer " + std::to_string(layer + 1) +
                     " looks at the tokens that layer " + std::to_string(chooser + 1) +
                     " chose, on another stage or in another chunk, which Megatron-Core refuses; --pp-layout "
                     "chooses where stages begin");
    return;
  }
}

}  // namespace

std::vector<std::string> layout_limits(const TransformerConfig& config, const LayoutRequest& request) {
  std::vector<std::string> limits;
  const std::int64_t tensor = request.sizes.tensor;
  std::set<std::int64_t> numbers{config.num_query_groups};
  if (config.heterogeneous) {
    const auto& groups = config.heterogeneous->num_query_groups;
    numbers = {groups.begin(), groups.end()};
  }
  if (config.full_attention) numbers.insert(config.full_attention->num_query_groups);
  for (const std::int64_t groups : numbers)
    if (groups > 0 && groups % tensor != 0)
      limits.push_back("TP=" + std::to_string(tensor) + " with " + std::to_string(groups) +
                       " query groups: megatron-core 0.16 or later");
  // models/gpt.py, transformer_layer_spec, asks for no chunk's layers.
  if (config.heterogeneous && request.split.chunks() > 1)
    limits.emplace_back("layers of several sizes in chunks: Megatron-LM 0.19 cannot build them");
  if (config.local_spec_only && request.split.stages() * request.split.chunks() > 1)
    limits.emplace_back(
        "pipeline stages: Megatron-Bridge's provider of such a model, the only one, builds one stage");
  add_sharing_limit(limits, config, request);
  const StagePlace last = request.split.last();
  if (request.has_mtp && request.split.place_of({"", Block::decoder, -1, -1, ""}) != last)
    limits.emplace_back(
        "the final norm lies behind the last decoder layer, not on the last stage: megatron-core 0.16 or "
        "later");
  return limits;
}

std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank,
                              int expert_rank) {
  const auto digits = [](int number, std::size_t width) {
    const std::string text = std::to_string(number);
    return std::string(width - std::min(width, text.size()), '0') + text;
  };
  std::string folder = "mp_rank_" + digits(tensor_rank, 2);
  auto add = [&](int rank) { folder += "_" + digits(rank, 3); };
  if (sizes.pipeline > 1) add(pipeline_rank);
  if (sizes.expert > 1) add(expert_rank);
  return folder;
}

Layout canonical_layout(const std::vector<CanonicalTensor>& canonical) {
  std::vector<StateTensor> tensors;
  for (const CanonicalTensor& tensor : canonical) tensors.push_back({tensor.name, tensor.shape});
  Layout layout{identity_map(tensors), {}};
  for (const CanonicalTensor& tensor : canonical)
    layout.tensors.push_back(SinkTensor::whole(tensor.name, DType::f32, tensor.shape));
  return layout;
}

}  // namespace mhub
