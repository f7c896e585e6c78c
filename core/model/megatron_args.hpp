#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mhub/model/transformer_config.hpp"
#include "mhub/parallel/layout.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// What a Megatron checkpoint says of itself beside the model's own config.
struct MegatronTarget {
  std::string format = "torch_dist";  ///< torch_dist, torch
  ParallelSizes sizes;
  TransformerImpl impl = TransformerImpl::transformer_engine;
  DType dtype = DType::bf16;
  std::int64_t padded_vocab_size = 0;
  std::int64_t vocab_divisible_by = 1;  ///< make_vocab_size_divisible_by
  std::int64_t iteration = 0;
};

/// Megatron-LM's `args` for the checkpoint: an argparse.Namespace of plain values, so that
/// `--use-checkpoint-args` (Megatron-LM checkpointing.py, load_args_from_checkpoint) needs no architecture
/// flag for anything it takes from there and torch.load(weights_only=True) accepts it.
const PickleNode* megatron_args(PickleArena& arena, const TransformerConfig& config,
                                const MegatronTarget& target);

/// The dict that Megatron-LM keeps beside the tensors (common.pt, or the top level of model_optim_rng.pt):
/// args, checkpoint_version, iteration, and for torch_dist the content_metadata that selects stacked layer
/// keys.
void add_common_state(PickleArena& arena, PickleNode* top, const TransformerConfig& config,
                      const MegatronTarget& target);

/// YaRN scaling in Megatron-Core's terms (yarn_rotary_pos_embedding.py): cosines and sines are multiplied by
/// m(mscale) / m(mscale_all_dim) with m(x) = 0.1 x ln(factor) + 1.
struct MegatronYarn {
  double factor, beta_fast, beta_slow, mscale, mscale_all_dim;
  std::int64_t original_max_position_embeddings;
  bool round_to_int;
};
/// Nothing for a model without YaRN. An explicit attention_factor becomes the mscale that gives it.
std::optional<MegatronYarn> megatron_yarn(const TransformerConfig& config);

/// Command line flags that the model needs in Megatron-LM and that --use-checkpoint-args does not restore:
/// "--norm-epsilon 1e-06", "--use-rope-scaling".
std::vector<std::string> megatron_flags(const TransformerConfig& config);

/// What plain Megatron-LM cannot express of this model, one sentence each; empty for most models.
std::vector<std::string> megatron_limits(const TransformerConfig& config);

}  // namespace mhub
