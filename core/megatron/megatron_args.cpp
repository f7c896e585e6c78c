// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/megatron_args.hpp"

#include <cmath>

#include "mhub/base/error.hpp"
#include "mhub/config/config_binding.hpp"
#include "mhub/config/megatron_fields.hpp"
#include "mhub/config/vision_fields.hpp"

namespace mhub {
namespace {

/// Names as Megatron-LM's arguments.py has them, for YaRN as argument_utils.py, _apply_yarn_config_from_args,
/// reads them. Its model builder asks for the factors whether they are used or not.
constexpr RotaryScalingNames kNames{"rotary_scaling_factor",
                                    "mscale",
                                    "mscale_all_dim",
                                    "use_rope_scaling",
                                    "rotary_seq_len_interpolation_factor",
                                    8.0};

void bind_positions(FieldBinding& f, TransformerConfig& c) {
  bind_rotary_scaling(f, c, kNames);
  if (f.reading()) {
    bool rotary = false;  // an older way to say it
    f.boolean("use_rotary_position_embeddings", rotary);
    if (rotary) c.position_embedding_type = "rope";
  }
  f.constant("add_position_embedding", true);
  // Megatron-LM takes it for "rope" whatever position_embedding_type says (arguments.py, validate_args).
  const bool yarn = !c.mla && c.rope_scaling.type == "yarn";
  f.constant("use_rotary_position_embeddings", c.position_embedding_type == "rope" && !yarn);
  // The whole scaling as Hugging Face states it: Megatron has no argument for some of it.
  if (f.reading() && f.reader().has("hf_rope_scaling")) {
    c.rope_scaling = {};
    FieldBinding scaling(f.reader().object("hf_rope_scaling"));
    bind_rope_scaling(scaling, c.rope_scaling, f.reader());
  } else if (!f.reading() && c.rope_scaling.type != "default") {
    FieldBinding scaling;
    bind_rope_scaling(scaling, c.rope_scaling, f.reader());
    f.constant("hf_rope_scaling", scaling.written());
  }
}

void bind_activation(FieldBinding& f, TransformerConfig& c) {
  bool swiglu = c.gated_linear_unit && c.activation == "silu", squared_relu = c.activation == "relu2",
       quick_geglu = c.gated_linear_unit && c.activation == "quick_gelu",
       openai_gelu = is_gelu_tanh(c.activation);
  f.boolean("swiglu", swiglu);
  f.boolean("squared_relu", squared_relu);
  f.boolean("quick_geglu", quick_geglu);
  f.boolean("openai_gelu", openai_gelu);
  if (f.reading()) {
    // Megatron-LM's fused bias + GELU is the tanh form (megatron/core/fusions/fused_bias_gelu.py).
    bool fused = false;
    f.boolean("bias_gelu_fusion", fused);
    c.gated_linear_unit = swiglu || quick_geglu;
    c.activation = swiglu                                        ? "silu"
                   : squared_relu                                ? "relu2"
                   : quick_geglu                                 ? "quick_gelu"
                   : openai_gelu || (fused && c.add_bias_linear) ? "gelu_pytorch_tanh"
                                                                 : "gelu";
  }
  // Gated functions other than those have no flag.
  f.boolean("hf_gated_linear_unit", c.gated_linear_unit);
  f.text("hf_activation", c.activation);
}

void bind_vocabulary(FieldBinding& f, TransformerConfig& c) {
  if (c.image) return;
  // Megatron-LM's vocab_size is the one "before EOD or padding" (arguments.py), so it may be too small; the
  // padded one never loses a row. The true one is recorded under a name of its own.
  if (f.reading()) f.positive("vocab_size", c.vocab_size);
  if (f.reading()) f.positive("padded_vocab_size", c.vocab_size);
  f.constant("vocab_size", c.vocab_size);
  f.positive("hf_vocab_size", c.vocab_size);
}

void bind_args(FieldBinding& f, TransformerConfig& c) {
  bind_image(f, c);
  bind_vision(f, c, bind_args);
  if (f.reading()) {
    c.normalization = "LayerNorm";
    c.add_bias_linear = true;
  }
  bind_megatron_fields(f, c, "num_experts");
  bind_multipliers(f, c);
  f.constant("encoder_num_layers", c.num_layers);
  bool grouped = c.num_query_groups != c.num_attention_heads;
  f.boolean("group_query_attention", grouped);
  if (f.reading()) c.num_query_groups = c.num_attention_heads;
  if (!f.reading() || grouped) f.positive("num_query_groups", c.num_query_groups);
  f.constant("seq_length", c.max_position_embeddings);
  f.positive("max_position_embeddings", c.max_position_embeddings);
  bind_positions(f, c);
  // The argument is norm_epsilon; TransformerConfig's name for it appears in newer checkpoints.
  f.number("layernorm_epsilon", c.layernorm_epsilon);
  f.number("norm_epsilon", c.layernorm_epsilon);
  f.boolean("apply_layernorm_1p", c.layernorm_zero_centered_gamma);
  bind_activation(f, c);
  bool untied = !c.share_embeddings_and_output_weights;
  f.boolean("untie_embeddings_and_output_weights", untied);
  c.share_embeddings_and_output_weights = !untied;
  f.constant("apply_query_key_layer_scaling", false);
  bind_vocabulary(f, c);
  // Megatron-LM declares --rotary-base as an integer.
  if (c.rotary_base == std::floor(c.rotary_base))
    f.constant("rotary_base", static_cast<std::int64_t>(c.rotary_base));
}

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
  bind_args(fields, copy);
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
  bind_args(fields, config);
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

}  // namespace mhub
