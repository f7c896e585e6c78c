// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/megatron_args.hpp"

#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

/// What belongs to the job and not to the model.
void add_job(PickleArena& arena, PickleNode* args, const MegatronTarget& t) {
  auto integer = [&](const char* key, std::int64_t value) { arena.set(args, key, arena.integer(value)); };
  auto boolean = [&](const char* key, bool value) { arena.set(args, key, arena.boolean(value)); };
  auto text = [&](const char* key, std::string value) {
    arena.set(args, key, arena.string(std::move(value)));
  };
  integer("padded_vocab_size", t.padded_vocab_size);
  integer("make_vocab_size_divisible_by", t.vocab_divisible_by);
  integer("tensor_model_parallel_size", t.sizes.tensor);
  integer("pipeline_model_parallel_size", t.sizes.pipeline);
  if (t.sizes.virtual_pipeline > 1) {
    integer("virtual_pipeline_model_parallel_size", t.sizes.virtual_pipeline);
  } else {
    arena.set(args, "virtual_pipeline_model_parallel_size", arena.none());
  }
  auto optional = [&](const char* key, const std::optional<int>& value) {
    arena.set(args, key, value ? arena.integer(*value) : arena.none());
  };
  optional("decoder_first_pipeline_num_layers", t.pipeline.first_stage_layers);
  optional("decoder_last_pipeline_num_layers", t.pipeline.last_stage_layers);
  boolean("account_for_embedding_in_pipeline_split", t.pipeline.account_for_embedding);
  boolean("account_for_loss_in_pipeline_split", t.pipeline.account_for_loss);
  if (!t.pipeline.layout.empty()) text("pipeline_model_parallel_layout", t.pipeline.layout);
  integer("expert_model_parallel_size", t.sizes.expert);
  integer("expert_tensor_parallel_size", t.sizes.expert_tensor);
  integer("context_parallel_size", 1);
  text("transformer_impl", t.impl == TransformerImpl::local ? "local" : "transformer_engine");
  text("ckpt_format", t.format);
  boolean("use_dist_ckpt", t.distributed);
  arena.set(args, "params_dtype", arena.global("torch " + std::string(torch_name(t.dtype))));
  boolean("bf16", t.dtype == DType::bf16);
  boolean("fp16", t.dtype == DType::f16);
  boolean("no_save_optim", true);
  boolean("no_save_rng", true);
  integer("consumed_train_samples", 0);
  integer("consumed_valid_samples", 0);
}

}  // namespace

const PickleNode* megatron_args(PickleArena& arena, const TransformerConfig& config,
                                const MegatronTarget& target) {
  FieldBinding fields;
  TransformerConfig copy = config;
  bind_fields(fields, copy, Dialect::args);
  PickleNode* dict = arena.dict();
  for (const auto& field : fields.written().items()) {
    // argparse's tuple_type makes window_size a tuple, and TransformerEngine asks for one.
    const bool tuple = field.key() == "window_size" && field.value().is_array();
    const PickleNode* value = pickle_of(arena, field.value());
    arena.set(dict, field.key(), tuple ? arena.tuple(value->items) : value);
  }
  add_job(arena, dict, target);
  return arena.instance("argparse Namespace", dict);
}

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
