// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "mhub/config/transformer_config.hpp"
#include "mhub/megatron/pipeline_split.hpp"
#include "mhub/megatron/stored_names.hpp"
#include "mhub/store/tensor_sink.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// What a layout depends on beside the canonical tensors.
struct LayoutRequest : Naming {
  LayoutRequest(const ParallelSizes& job, PipelineSplit layers) : sizes(job), split(std::move(layers)) {}

  ParallelSizes sizes;
  PipelineSplit split;
  std::int64_t padded_vocab_size = 0;  ///< rows of the stored embedding; at least the canonical ones
  bool tied_embedding = false;         ///< the output layer shares the embedding's weight
  bool has_mtp = false;                ///< multi-token-prediction blocks embed tokens of their own accord
};

/// How the canonical state lies in a checkpoint of one format and one set of parallel sizes.
struct Layout {
  StateMap map;  ///< canonical state -> stored state
  std::vector<SinkTensor>
      tensors;  ///< parallel to map.destination; chunks and ranks; dtype left to the caller
};

/// Megatron's `torch_dist`: one global tensor per key, one chunk per layer, expert, rank and segment. Rank
/// numbers are those of the job's ranks without data parallelism. Carried tensors are keys that no model asks
/// for.
Layout torch_dist_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request);

/// Megatron's `torch`: a state dict per rank with stage-local layer and expert numbers. Tensors say their
/// StateDict; carried ones lie in the first rank's file, outside its models. Throws InputError where two
/// ranks of the job would share a folder but not its contents.
Layout torch_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request);

/// The canonical state as it is, every tensor whole and under its own name (an archive of one file).
Layout canonical_layout(const std::vector<CanonicalTensor>& canonical);

/// A run of indices along the split axis that one tensor-parallel rank owns.
struct AxisRange {
  std::int64_t global = 0;  ///< first index in the whole tensor
  std::int64_t local = 0;   ///< first index in the rank's shard
  std::int64_t length = 0;
};

using AxisRanges = SmallVector<AxisRange, 2>;

/// The runs that `rank` of `ranks` owns, one per segment, in order. `name` is for the message of the
/// InputError that says that a segment does not divide. Not for replicated tensors.
AxisRanges shard_ranges(const std::string& name, const Partition& partition, int ranks, int rank);

/// Megatron-LM's default of --make-vocab-size-divisible-by.
inline constexpr std::int64_t kVocabDivisor = 128;
/// {"tp": 2, "pp": 1, "vpp": 1, "ep": 1, "etp": 2}
nlohmann::json described(const ParallelSizes& sizes);

/// Vocabulary rows after padding to a multiple of divisible_by * tp (Megatron-LM's vocab_utils.py,
/// calculate_padded_vocab_size).
std::int64_t padded_vocabulary(std::int64_t rows, std::int64_t divisible_by, int tensor_parallel);
/// A tensor as it is stored: with so many rows where they count tokens.
CanonicalTensor padded(CanonicalTensor tensor, std::int64_t rows);

/// A rank of a stage: its place in the tensor-parallel group of dense layers and in the two groups of expert
/// layers (Megatron-Core parallel_state.py: tensor-parallel ranks are neighbours in both arrangements).
struct RankPlace {
  int tensor = 0, expert = 0, expert_tensor = 0;
};
/// Ranks that one pipeline stage needs at least, in order.
std::vector<RankPlace> stage_ranks(const ParallelSizes& sizes);

/// What a rank of a stage holds of a tensor.
struct Shard {
  std::size_t rank = 0;  ///< among the stage's
  AxisRanges ranges;     ///< none of a replicated tensor, which it holds whole
  bool again = false;    ///< a rank before this one holds the same
};
/// All shards of a tensor, of which `experts` are in its layer if it is an expert's: contiguous blocks of
/// them go to each expert-parallel rank. Throws InputError where it does not divide.
std::vector<Shard> shards_of(const CanonicalTensor& tensor, const std::vector<RankPlace>& ranks,
                             const ParallelSizes& sizes, std::int64_t experts);

/// What a layout needs of megatron-core that older versions lack, for people.
std::vector<std::string> layout_limits(const TransformerConfig& config, const LayoutRequest& request);

/// The folder of a rank in a `torch` checkpoint (Megatron-LM checkpointing.py, get_checkpoint_name).
std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank,
                              int expert_rank);

/// True when all layers of a stack have the same tensors with the same shapes, those of a kind of attention
/// (Naming::windowed) where there are two.
bool layers_are_alike(const std::vector<CanonicalTensor>& canonical, const Naming& naming);

/// Keys of the module objects ("..._extra_state") that Megatron-Core requests beside the tensors when it
/// loads a torch_dist checkpoint, as "<module>._extra_state/shard_<layer>[.<expert>]_<layers>[.<experts>]".
std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          const LayoutRequest& request);

/// The same for one rank's state dict of a `torch` checkpoint: names whose value is None, for the given
/// parameter names.
std::vector<std::string> extra_state_names(const std::vector<std::string>& parameters,
                                           const LayoutRequest& request);

/// What a Megatron checkpoint says of itself, as far as finding its layout needs it.
struct StoredFacts {
  std::string directory;           ///< for messages
  std::vector<std::string> ranks;  ///< the folders of ranks; none where tensors lie whole under their keys
  nlohmann::json args;             ///< Megatron-LM's plain args; empty object: none
  std::optional<std::int64_t> vocabulary_rows = {};  ///< that the embedding is said to have
};

/// Finds out how a checkpoint of the given model is laid out, from the names and shapes that are stored:
/// parallel sizes and layers per stage, TransformerEngine or local names, stacked or single keys, vocabulary
/// padding. `args` only decide what names leave open. Throws InputError when ranks are missing.
LayoutRequest stored_layout(const StoredFacts& facts, const TensorSource& tensors,
                            const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config);

/// How names are spelled as far as the model says it.
Naming naming_of(const TransformerConfig& config);

/// The names of wrapper modules in front of all parameters ("module.", "model.", "module.module."), which
/// checkpoints saved from a wrapped model have; empty for most.
std::string wrapper_prefix(const std::vector<std::string>& parameter_names);

}  // namespace mhub
