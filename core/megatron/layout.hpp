// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/parameter_name.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/megatron/parallel_sizes.hpp"
#include "mhub/megatron/pipeline_split.hpp"
#include "mhub/megatron/shard.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// The three ways in which torch_dist checkpoints arrange layers and experts in keys.
struct TorchDistKeys {
  /// One key for all decoder layers, layers along a new first axis; else one key a layer. Megatron-Core
  /// stacks when all layers are alike and no setting says otherwise (transformer_block.py,
  /// sharded_state_dict).
  bool stack_layers = true;
  /// One key for all experts of a layer, along a new axis; else one key an expert, and gate and up under keys
  /// of their own ("..._w", "..._v"): Megatron-Core's singleton_local_shards (mlp.py,
  /// apply_swiglu_sharded_factory; experts.py), which implies one key a layer.
  bool singleton = false;
};

/// What a layout depends on beside the canonical tensors.
struct LayoutRequest {
  LayoutRequest(const ParallelSizes& job, PipelineSplit layers) : sizes(job), split(std::move(layers)) {}

  ParallelSizes sizes;
  PipelineSplit split;
  std::int64_t padded_vocab_size = 0;  ///< rows of the stored embedding; at least the canonical ones
  bool tied_embedding = false;         ///< the output layer shares the embedding's weight
  bool has_mtp = false;                ///< multi-token-prediction blocks embed tokens of their own accord
  TransformerImpl impl = TransformerImpl::transformer_engine;
  /// torch_dist only: the local spec keeps its norms' names there. So it is with latent attention
  /// (gpt_layer_specs.py, get_gpt_layer_local_submodules), in vision transformers and in vision-language
  /// models (vit_layer_specs.py, llava_spec.py): their specs have no sharded_state_dict_keys_map.
  bool local_norm_keys = false;
  TorchDistKeys keys;                          ///< torch_dist only
  ExpertNames experts = ExpertNames::grouped;  ///< torch only
  std::string mtp_block_name =
      "mtp_model_layer";  ///< torch only: what a state dict calls an MTP block's layer
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

/// Megatron's `torch`: a state dict per rank with stage-local layer and expert numbers. Tensor names are
/// "mp_rank_00[_000][_000]/[model0/]<name>"; carried ones lie in the first rank's file, outside its state
/// dicts, as "mp_rank_00.../hf/<name>". Throws InputError where two ranks of the job would share a folder but
/// not its contents.
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

/// How many layers and experts a model has.
struct ModelCounts {
  std::map<std::string, std::int64_t> layers;   ///< of each stack, by LayerName::before
  std::map<std::string, std::int64_t> experts;  ///< of each layer, by ExpertName::before
};
ModelCounts count_parts(const std::vector<CanonicalTensor>& canonical);

/// Where a canonical tensor goes in a torch_dist checkpoint.
struct TorchDistPlace {
  std::string key;
  /// Positions along the new first axes (layer, expert) and their lengths.
  std::vector<std::int64_t> index, count;
};
/// `counts` are those of the whole model.
TorchDistPlace torch_dist_place(const std::string& canonical_name, const LayoutRequest& request,
                                const ModelCounts& counts);

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
