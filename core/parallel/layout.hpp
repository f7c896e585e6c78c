#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/state_map.hpp"
#include "mhub/parallel/parallel_sizes.hpp"
#include "mhub/parallel/shard.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// Whose parameter names a `torch` checkpoint carries: TransformerEngine's fused norms
/// ("self_attention.linear_qkv.layer_norm_weight") or the local spec's ("input_layernorm.weight"). In
/// torch_dist both have the first (Megatron-Core gpt_layer_specs.py, sharded_state_dict_keys_map).
enum class TransformerImpl { transformer_engine, local };

/// What a layout depends on beside the canonical tensors.
struct LayoutRequest {
  ParallelSizes sizes;
  std::int64_t num_layers = 0;
  std::int64_t padded_vocab_size = 0;  ///< rows of the stored embedding; at least the canonical ones
  bool tied_embedding = false;         ///< the output layer shares the embedding's weight
  TransformerImpl impl = TransformerImpl::transformer_engine;
};

/// How the canonical state lies in a checkpoint of one format and one set of parallel sizes.
struct Layout {
  StateMap map;  ///< canonical state -> stored state
  std::vector<SinkTensor>
      tensors;  ///< parallel to map.destination; chunks and ranks; dtype left to the caller
};

/// Megatron's `torch_dist`: one global tensor per key, layers stacked on a new first axis when all layers
/// have the same tensors, else one key per layer; one chunk per layer, rank and segment (Megatron-Core
/// transformer_block.py, sharded_state_dict). Rank numbers are pp * TP + tp.
Layout torch_dist_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request);

/// Megatron's `torch`: a state dict per rank with stage-local layer numbers. Tensor names are
/// "mp_rank_00[_000]/<name>".
Layout torch_layout(const std::vector<CanonicalTensor>& canonical, const LayoutRequest& request);

/// The folder of a rank in a `torch` checkpoint (Megatron-LM checkpointing.py, get_checkpoint_name).
std::string torch_rank_folder(const ParallelSizes& sizes, int tensor_rank, int pipeline_rank);

/// Where a canonical tensor goes in a torch_dist checkpoint.
struct TorchDistKey {
  std::string name;
  std::int64_t index = 0;  ///< along the stacked axis
  std::int64_t count = 0;  ///< length of the stacked axis; 0 without one
};
TorchDistKey torch_dist_key(const std::string& canonical_name, bool stack_layers, std::int64_t num_layers);

/// True when every decoder layer has the same tensors with the same shapes, which is when Megatron-Core
/// stacks them.
bool layers_are_alike(const std::vector<CanonicalTensor>& canonical);

/// Keys of the module objects ("..._extra_state") that Megatron-Core requests beside the tensors when it
/// loads a torch_dist checkpoint, as "<module>._extra_state/shard_<layer>_<layers>".
std::vector<std::string> extra_state_keys(const std::vector<CanonicalTensor>& canonical,
                                          std::int64_t num_layers);

/// The same for one rank's state dict of a `torch` checkpoint: names whose value is None, for the given
/// parameter names.
std::vector<std::string> extra_state_names(const std::vector<std::string>& parameters, TransformerImpl impl);

/// A canonical (TransformerEngine flavoured) name as the given implementation spells it.
std::string parameter_name(const std::string& canonical, TransformerImpl impl);

}  // namespace mhub
