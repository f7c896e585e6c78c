// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/mapping/view.hpp"
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

class Builder {
 public:
  Builder(const LayoutRequest& request, const std::vector<CanonicalTensor>& canonical)
      : request_(request), counts_(canonical) {
    for (int stage = 0; stage < request.split.stages(); ++stage)
      files_.push_back(rank_files(request.sizes, stage));
  }

  void add(std::size_t source, const CanonicalTensor& tensor) {
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
  Layout take() { return std::move(layout_); }

 private:
  /// Once, beside the state dicts: a model that loads one with strict=True would refuse the name.
  void add_carried(std::size_t source, const CanonicalTensor& tensor) {
    const RankFile& file = files_.front().front();
    add_destination({file.folder, std::string(StateDict::kCarriedSection)}, tensor.identity.part,
                    tensor.shape, {{source, run_box(0, 0, numel(tensor.shape))}}, file.number, false);
  }

  /// Adds a tensor to the ranks of a stage that hold it; `local` is what it is there, but for an expert's
  /// number.
  void add_at(std::size_t source, const CanonicalTensor& tensor, TensorIdentity local,
              const StagePlace& place, bool copy) {
    const TensorIdentity& whole = tensor.identity;
    const std::string dense = whole.of_expert() ? "" : rank_name(local, request_);
    std::set<int> seen;  // parts that a rank before this one holds
    for (const RankFile& file : files_[static_cast<std::size_t>(place.stage)]) {
      if (!whole.of_expert()) {
        const int part = tensor.partition.replicated() ? 0 : file.place.tensor;
        const bool again = !seen.insert(part).second;
        add_shard(source, tensor, file, place, dense, request_.sizes.tensor, file.place.tensor,
                  copy || again);
        continue;
      }
      const std::int64_t count = counts_.experts(whole);
      if (expert_group(tensor.name, whole.expert, count, request_.sizes.expert) != file.place.expert)
        continue;
      const int part = tensor.partition.replicated() ? 0 : file.place.expert_tensor;
      const bool again = !seen.insert(part).second;
      local.expert = whole.expert % (count / request_.sizes.expert);
      add_shard(source, tensor, file, place, rank_name(local, request_), request_.sizes.expert_tensor,
                file.place.expert_tensor, copy || again);
    }
  }

  /// Adds part `rank` of `ranks` of a canonical tensor to one file.
  void add_shard(std::size_t source, const CanonicalTensor& tensor, const RankFile& file,
                 const StagePlace& place, const std::string& local_name, int ranks, int rank, bool copy) {
    Partition partition = tensor.partition;
    Shape shape = tensor.shape;
    std::vector<Term> terms;
    if (partition.replicated()) {
      terms.push_back({source, run_box(0, 0, numel(shape))});
    } else if (partition.vocabulary) {
      const std::int64_t row = numel(shape) / shape[0];
      partition.segments = {request_.padded_vocab_size};
      const AxisRange range = shard_ranges(tensor.name, partition, ranks, rank)[0];
      const std::int64_t real = std::clamp<std::int64_t>(shape[0] - range.global, 0, range.length);
      if (real > 0) terms.push_back({source, run_box(range.global * row, 0, real * row)});
      if (real < range.length) terms.push_back(zero_term(real * row, range.length * row));
      shape[0] = range.length;
    } else {
      const auto axis = static_cast<std::size_t>(partition.axis);
      const std::vector<AxisRange> ranges = shard_ranges(tensor.name, partition, ranks, rank);
      shape[axis] /= ranks;
      for (const AxisRange& range : ranges) {
        terms.push_back({source, zip(View(tensor.shape).slice(axis, range.global, range.length),
                                     View(shape).slice(axis, range.local, range.length))});
      }
    }
    std::string key(StateDict::kModel);
    if (request_.split.chunks() > 1) key += std::to_string(place.chunk);
    add_destination({file.folder, std::move(key), place.chunk}, local_name, shape, std::move(terms),
                    file.number, copy);
  }

  void add_destination(StateDict dict, const std::string& parameter, const Shape& shape,
                       std::vector<Term> terms, int rank, bool copy) {
    const std::string prefix = dict.prefix(), name = prefix + parameter;
    std::shared_ptr<const StateDict>& shared = dicts_[prefix];
    if (shared == nullptr) shared = std::make_shared<const StateDict>(std::move(dict));
    layout_.map.destination.push_back({name, shape});
    if (copy) {
      for (Term& term : terms) term.kind = Term::Kind::copy;
    }
    layout_.map.terms.push_back(std::move(terms));
    layout_.tensors.push_back({name, DType::f32, shape, {{Index(shape.size(), 0), shape, rank}}, shared});
  }

  const LayoutRequest& request_;
  ModelCounts counts_;
  std::vector<std::vector<RankFile>> files_;
  std::map<std::string, std::shared_ptr<const StateDict>> dicts_;  ///< by prefix
  Layout layout_;
};

}  // namespace

std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank,
                              int expert_rank) {
  std::array<char, 64> text{};
  int length = std::snprintf(text.data(), text.size(), "mp_rank_%02d", tensor_rank);
  auto add = [&](int rank) {
    length +=
        std::snprintf(text.data() + length, text.size() - static_cast<std::size_t>(length), "_%03d", rank);
  };
  if (sizes.pipeline > 1) add(pipeline_rank);
  if (sizes.expert > 1) add(expert_rank);
  return text.data();
}

Layout torch_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request) {
  Builder builder(request, canonical);
  for (std::size_t c = 0; c < canonical.size(); ++c) builder.add(c, canonical[c]);
  return builder.take();
}

}  // namespace mhub
