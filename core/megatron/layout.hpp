// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/megatron/parallel_sizes.hpp"
#include "mhub/megatron/pipeline_split.hpp"
#include "mhub/megatron/shard.hpp"
#include "mhub/megatron/stored_names.hpp"
#include "mhub/store/tensor_sink.hpp"

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

/// A rank of a stage: its place in the tensor-parallel group of dense layers and in the two groups of expert
/// layers (Megatron-Core parallel_state.py: tensor-parallel ranks are neighbours in both arrangements).
struct RankPlace {
  int tensor = 0, expert = 0, expert_tensor = 0;
};
/// Ranks that one pipeline stage needs at least, in order.
std::vector<RankPlace> stage_ranks(const ParallelSizes& sizes);

/// The folder of a rank in a `torch` checkpoint (Megatron-LM checkpointing.py, get_checkpoint_name).
std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank,
                              int expert_rank);

/// True when all layers of a stack have the same tensors with the same shapes.
bool layers_are_alike(const std::vector<CanonicalTensor>& canonical);

/// Keys of the module objects ("..._extra_state") that Megatron-Core requests beside the tensors when it
/// loads a torch_dist checkpoint, as "<module>._extra_state/shard_<layer>[.<expert>]_<layers>[.<experts>]".
std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          const LayoutRequest& request);

/// The same for one rank's state dict of a `torch` checkpoint: names whose value is None, for the given
/// parameter names.
std::vector<std::string> extra_state_names(const std::vector<std::string>& parameters, TransformerImpl impl);

}  // namespace mhub
