// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/fields.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/pickle/plain.hpp"

namespace mhub {

/// What a Megatron checkpoint says of itself beside the model's own config.
struct MegatronTarget {
  std::string format;        ///< Megatron-LM's ckpt_format
  bool distributed = false;  ///< a distributed checkpoint (use_dist_ckpt), with content_metadata beside it
  ParallelSizes sizes;
  TransformerImpl impl = TransformerImpl::transformer_engine;
  DType dtype = DType::bf16;
  std::int64_t padded_vocab_size = 0;
  std::int64_t vocab_divisible_by = 1;  ///< make_vocab_size_divisible_by
  std::int64_t iteration = 0;
  PipelineOptions pipeline;
  /// The module of examples/megatron/ that Megatron-LM is to take its layers from.
  std::optional<std::string> spec = {};
  /// Of a WholeModel: its class and config.json, for args (kWholeArgument), and WholeModel::provider; else
  /// null and an empty object.
  nlohmann::json whole = {};
  nlohmann::json provider = nlohmann::json::object();
};

/// {"class": ..., "config": ...}
inline constexpr const char* kWholeArgument = "hf_whole_model";

/// The dict that Megatron-LM keeps beside the tensors (common.pt, or the top level of model_optim_rng.pt):
/// args, checkpoint_version, iteration, and for torch_dist the content_metadata that selects stacked layer
/// keys.
void add_common_state(PickleArena& arena, PickleNode* top, const TransformerConfig& config,
                      const MegatronTarget& target);

/// What such a checkpoint says of a model: args' plain values, or the fields of run_config.yaml's `model`.
nlohmann::json description_of(TransformerConfig config, Dialect dialect);

/// What a description with the same keys as `description` says of `config`: Megatron drops names that it does
/// not know, mhub's among them, when it saves.
TransformerConfig as_described(const TransformerConfig& config, Dialect dialect,
                               const nlohmann::json& description);

/// The run_config.yaml from which Megatron-Bridge instantiates the model (bridge training/model_load_save.py,
/// load_model_config): a model provider with the fields that differ from its defaults. Throws InputError for
/// an activation that Bridge has no name for.
std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target);

/// The model that such a file describes, as Bridge or mhub wrote it. `text` is the file's content, `where`
/// its name for messages. Throws InputError.
nlohmann::json run_config_fields(const std::string& text, const std::string& where);

/// The model that a description's fields describe: args' plain values (plain_json), or what
/// run_config_fields gives. Entries that are missing take Megatron-LM's or Megatron-Bridge's defaults.
/// `vocab_size` is the padded one where mhub has not recorded the true one. Throws InputError that starts
/// with `where`.
TransformerConfig read_description(const nlohmann::json& fields, Dialect dialect, const std::string& where);

}  // namespace mhub
