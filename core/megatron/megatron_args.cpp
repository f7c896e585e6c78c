// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/megatron_args.hpp"

#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

/// What belongs to the job and not to the model.
nlohmann::ordered_json job_of(const MegatronTarget& t) {
  const auto or_none = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
  const int chunks = t.sizes.virtual_pipeline;
  nlohmann::ordered_json job{
      {"padded_vocab_size", t.padded_vocab_size},
      {"make_vocab_size_divisible_by", t.vocab_divisible_by},
      {"tensor_model_parallel_size", t.sizes.tensor},
      {"pipeline_model_parallel_size", t.sizes.pipeline},
      {"virtual_pipeline_model_parallel_size", chunks > 1 ? nlohmann::json(chunks) : nlohmann::json()},
      {"decoder_first_pipeline_num_layers", or_none(t.pipeline.first_stage_layers)},
      {"decoder_last_pipeline_num_layers", or_none(t.pipeline.last_stage_layers)},
      {"account_for_embedding_in_pipeline_split", t.pipeline.account_for_embedding},
      {"account_for_loss_in_pipeline_split", t.pipeline.account_for_loss},
      {"expert_model_parallel_size", t.sizes.expert},
      {"expert_tensor_parallel_size", t.sizes.expert_tensor},
      {"context_parallel_size", 1},
      {"transformer_impl", t.impl == TransformerImpl::local ? "local" : "transformer_engine"},
      {"ckpt_format", t.format},
      {"use_dist_ckpt", t.distributed},
      {"bf16", t.dtype == DType::bf16},
      {"fp16", t.dtype == DType::f16},
      {"no_save_optim", true},
      {"no_save_rng", true},
      {"consumed_train_samples", 0},
      {"consumed_valid_samples", 0}};
  if (!t.pipeline.layout.empty()) job["pipeline_model_parallel_layout"] = t.pipeline.layout;
  return job;
}

/// Megatron-LM's `args` for the checkpoint: an argparse.Namespace of plain values, so that
/// `--use-checkpoint-args` (Megatron-LM checkpointing.py, load_args_from_checkpoint) needs no architecture
/// flag for anything it takes from there and torch.load(weights_only=True) accepts it.
const PickleNode* megatron_args(PickleArena& arena, TransformerConfig config, const MegatronTarget& target) {
  FieldBinding fields;
  bind_fields(fields, config, Dialect::args);
  nlohmann::ordered_json args = fields.written();
  args.update(job_of(target));
  PickleNode* dict = arena.dict();
  for (const auto& [key, value] : args.items()) {
    // argparse's tuple_type makes window_size a tuple, and TransformerEngine asks for one.
    const bool tuple = key == "window_size" && value.is_array();
    const PickleNode* node = pickle_of(arena, value);
    arena.set(dict, key, tuple ? arena.tuple(node->items) : node);
  }
  arena.set(dict, "params_dtype", arena.global("torch " + std::string(torch_name(target.dtype))));
  return arena.instance("argparse Namespace", dict);
}

}  // namespace

TransformerConfig read_megatron_args(const nlohmann::json& args, const std::string& where) {
  TransformerConfig config;
  FieldBinding fields(ConfigReader(args, where));
  bind_fields(fields, config, Dialect::args);
  return config;
}

void add_common_state(PickleArena& arena, PickleNode* top, const TransformerConfig& config,
                      const MegatronTarget& target) {
  arena.set(top, "args", megatron_args(arena, config, target));
  arena.set(top, "checkpoint_version", arena.real(3.0));
  arena.set(top, "iteration", arena.integer(target.iteration));
  if (!target.distributed) return;
  // Says that layers are stacked (not "singleton_local_shards"); read by cores from 0.14 on when they build
  // the keys that they request (Megatron-LM checkpointing.py, _load_global_dist_base_checkpoint).
  PickleNode* content = arena.dict();
  arena.set(content, "singleton_local_shards", arena.boolean(false));
  arena.set(top, "content_metadata", content);
}

Lines megatron_flags(const TransformerConfig& config) {
  if (config.image) return {};  // CLIPViTModel is built by programs, not from arguments
  return field_flags(config);
}

Lines megatron_limits(const TransformerConfig& config) {
  if (config.image) return {};
  return field_limits(config);
}

}  // namespace mhub
