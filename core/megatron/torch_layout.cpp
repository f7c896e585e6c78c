// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"

namespace mhub {
namespace {

/// A file of the checkpoint: one rank of one stage.
struct RankFile {
  RankPlace place;
  std::string folder;
  int number = 0;  ///< of the rank in the job
};

/// The folders of one stage. Ranks that differ in nothing that a folder's name says must hold the same.
std::vector<RankFile> rank_files(const ParallelSizes& sizes, int stage) {
  std::vector<RankFile> files;
  const std::vector<RankPlace> ranks = stage_ranks(sizes);
  int number = stage * static_cast<int>(ranks.size());
  for (const RankPlace& rank : ranks) {
    const std::string folder = torch_rank_folder(sizes, rank.tensor, stage, rank.expert);
    const auto twin =
        std::find_if(files.begin(), files.end(), [&](const RankFile& f) { return f.folder == folder; });
    if (twin == files.end()) {
      files.push_back({rank, folder, number});
    } else if (twin->place.expert_tensor != rank.expert_tensor) {
      throw InputError(
          "ETP=" + std::to_string(sizes.expert_tensor) + " with TP=" + std::to_string(sizes.tensor) +
          ": Megatron's torch format names a file by TP, PP and EP rank alone, so ranks that hold "
          "different parts of an expert would share one; use torch_dist, or an ETP that divides TP");
    }
    ++number;
  }
  return files;
}

/// A state dict of a rank, and what its tensors' names begin with.
struct Dict {
  explicit Dict(StateDict what)
      : dict(std::make_shared<const StateDict>(std::move(what))), prefix(dict->prefix()) {}

  std::shared_ptr<const StateDict> dict;
  std::string prefix;
};

/// What all tensors of a stage have in common.
struct Stage {
  std::vector<RankFile> files;
  std::vector<RankPlace> ranks;          ///< of the files
  std::vector<std::vector<Dict>> dicts;  ///< of each file, one a model chunk
};

class RankBuilder {
 public:
  RankBuilder(const LayoutRequest& request, const std::vector<CanonicalTensor>& canonical)
      : request_(request), counts_(canonical) {
    for (int number = 0; number < request.split.stages(); ++number) {
      Stage& stage = stages_.emplace_back(Stage{rank_files(request.sizes, number), {}, {}});
      for (const RankFile& file : stage.files) {
        stage.ranks.push_back(file.place);
        std::vector<Dict>& dicts = stage.dicts.emplace_back();
        for (int chunk = 0; chunk < request.split.chunks(); ++chunk) {
          const std::string which = request.split.chunks() > 1 ? std::to_string(chunk) : "";
          dicts.emplace_back(StateDict{file.folder, std::string(StateDict::kModel) + which, chunk});
        }
      }
    }
    reserve(canonical);
  }

  void add(std::size_t source, const CanonicalTensor& canonical) {
    if (canonical.local_partition && request_.impl == TransformerImpl::local) {
      CanonicalTensor tensor = canonical;
      tensor.partition = *canonical.local_partition;
      return add_cut(source, tensor);
    }
    add_cut(source, canonical);
  }
  Layout take() { return std::move(layout_); }

 private:
  /// Room for about as many as there will be: a large model has a quarter of a million, each rank its own.
  /// Sizes that are refused later on ask for no more than that.
  void reserve(const std::vector<CanonicalTensor>& canonical) {
    constexpr std::size_t kMost = 1 << 19;
    const std::size_t ranks = stages_.front().ranks.size();
    const std::size_t of_expert = ranks / static_cast<std::size_t>(request_.sizes.expert);
    std::size_t count = ranks;  // for a second embedding
    for (const CanonicalTensor& tensor : canonical) count += tensor.identity.of_expert() ? of_expert : ranks;
    count = std::min(count, kMost);
    layout_.map.source.reserve(canonical.size());
    layout_.map.destination.reserve(count);
    layout_.map.terms.reserve(count);
    layout_.tensors.reserve(count);
  }

  /// A tensor that is partitioned as its own says.
  void add_cut(std::size_t source, const CanonicalTensor& tensor) {
    layout_.map.source.push_back({tensor.name, tensor.shape});
    TensorIdentity local = tensor.identity;
    if (local.carried()) return add_carried(source, tensor);
    const StagePlace place = request_.split.place_of(local);
    if (local.block == Block::layer) local.layer = place.local;
    add_at(source, tensor, local, place, false);
    if (!local.of_decoder() || local.block != Block::embedding || local.part != "word_embeddings.weight")
      return;
    // The last stage computes logits with a copy of the first stage's embedding (language_module.py,
    // setup_embeddings_and_output_layer); the stage of the MTP blocks embeds the tokens anew (gpt_model.py).
    const bool several = request_.split.stages() > 1;
    if (request_.tied_embedding && several)
      add_at(source, tensor, {local.module, Block::output, -1, -1, "weight"}, request_.split.last(), true);
    if (request_.has_mtp && several && !(request_.split.mtp() == place))
      add_at(source, tensor, local, request_.split.mtp(), true);
  }

  /// Once, beside the state dicts: a model that loads one with strict=True would refuse the name.
  void add_carried(std::size_t source, const CanonicalTensor& tensor) {
    const RankFile& file = stages_.front().files.front();
    if (!carried_) carried_.emplace(StateDict{file.folder, std::string(StateDict::kCarriedSection)});
    add_destination(*carried_, tensor.identity.part, tensor.shape,
                    {{source, run_box(0, 0, numel(tensor.shape))}}, file.number, false);
  }

  /// Adds a tensor to the ranks of a stage that hold it; `local` is what it is there, but for an expert's
  /// number.
  void add_at(std::size_t source, const CanonicalTensor& tensor, TensorIdentity local,
              const StagePlace& place, bool copy) {
    const Stage& stage = stages_[static_cast<std::size_t>(place.stage)];
    const TensorIdentity& whole = tensor.identity;
    const std::int64_t count = whole.of_expert() ? counts_.experts(whole) : 0;
    const std::vector<Shard> shards =
        tensor.partition.vocabulary
            ? shards_of(padded(tensor, request_.padded_vocab_size), stage.ranks, request_.sizes, count)
            : shards_of(tensor, stage.ranks, request_.sizes, count);
    if (whole.of_expert()) local.expert = whole.expert % (count / request_.sizes.expert);
    const std::string name = rank_name(local, request_);
    const auto chunk = request_.split.chunks() > 1 ? static_cast<std::size_t>(place.chunk) : 0;
    for (const Shard& shard : shards)
      add_shard(source, tensor, shard, stage.dicts[shard.rank][chunk], name, stage.files[shard.rank].number,
                copy);
  }

  void add_shard(std::size_t source, const CanonicalTensor& tensor, const Shard& shard, const Dict& dict,
                 const std::string& name, int rank, bool copy) {
    Shape shape = tensor.shape;
    std::vector<Term> terms;
    terms.reserve(std::max<std::size_t>(1, shard.ranges.size()));
    if (tensor.partition.replicated()) terms.push_back({source, run_box(0, 0, numel(shape))});
    const auto axis = static_cast<std::size_t>(std::max(0, tensor.partition.axis));
    if (!shard.ranges.empty()) shape[axis] = shard.ranges.back().local + shard.ranges.back().length;
    for (const AxisRange& range : shard.ranges) {
      const std::int64_t real = std::clamp<std::int64_t>(tensor.shape[axis] - range.global, 0, range.length);
      if (real > 0)
        terms.push_back({source, zip(View(tensor.shape).slice(axis, range.global, real),
                                     View(shape).slice(axis, range.local, real))});
      const std::int64_t row = numel(shape) / shape[0];  // padding is rows
      if (real < range.length) terms.push_back(zero_term(real * row, range.length * row));
    }
    add_destination(dict, name, shape, std::move(terms), rank, copy || shard.again);
  }

  void add_destination(const Dict& dict, const std::string& parameter, const Shape& shape,
                       std::vector<Term> terms, int rank, bool copy) {
    const std::string name = dict.prefix + parameter;
    layout_.map.destination.push_back({name, shape});
    if (copy) {
      for (Term& term : terms) term.kind = Term::Kind::copy;
    }
    layout_.map.terms.push_back(std::move(terms));
    layout_.tensors.push_back({name, DType::f32, shape, {{Index(shape.size(), 0), shape, rank}}, dict.dict});
  }

  const LayoutRequest& request_;
  ModelCounts counts_;
  std::vector<Stage> stages_;
  std::optional<Dict> carried_;
  Layout layout_;
};

}  // namespace

Layout torch_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  RankBuilder builder(request, canonical);
  for (std::size_t c = 0; c < canonical.size(); ++c) builder.add(c, canonical[c]);
  return builder.take();
}

}  // namespace mhub
