#include "mhub/model/megatron_args.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace mhub {
namespace {

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// Sets entries of one dict, one line each.
class Entries {
 public:
  Entries(PickleArena& arena, PickleNode* dict) : arena_(arena), dict_(dict) {}
  void integer(const char* key, std::int64_t value) { arena_.set(dict_, key, arena_.integer(value)); }
  void real(const char* key, double value) { arena_.set(dict_, key, arena_.real(value)); }
  void boolean(const char* key, bool value) { arena_.set(dict_, key, arena_.boolean(value)); }
  void string(const char* key, std::string value) { arena_.set(dict_, key, arena_.string(std::move(value))); }
  void none(const char* key) { arena_.set(dict_, key, arena_.none()); }
  void node(const char* key, const PickleNode* value) { arena_.set(dict_, key, value); }

 private:
  PickleArena& arena_;
  PickleNode* dict_;
};

bool is_gelu_tanh(const std::string& activation) {
  return activation == "gelu_new" || activation == "gelu_pytorch_tanh" || activation == "gelu_fast";
}

void add_shape(Entries& args, const TransformerConfig& c) {
  args.integer("num_layers", c.num_layers);
  args.integer("encoder_num_layers", c.num_layers);
  args.integer("hidden_size", c.hidden_size);
  args.integer("ffn_hidden_size", c.ffn_hidden_size);
  args.integer("num_attention_heads", c.num_attention_heads);
  args.integer("num_query_groups", c.num_query_groups);
  args.boolean("group_query_attention", c.num_query_groups != c.num_attention_heads);
  args.integer("kv_channels", c.kv_channels);
  args.integer("seq_length", c.max_position_embeddings);
  args.integer("max_position_embeddings", c.max_position_embeddings);
}

void add_yarn(Entries& args, const MegatronYarn& yarn) {
  // Names as Megatron-LM's argument_utils.py, _apply_yarn_config_from_args, reads them.
  args.real("rotary_scaling_factor", yarn.factor);
  args.real("mscale", yarn.mscale);
  args.real("mscale_all_dim", yarn.mscale_all_dim);
  args.integer("yarn_original_max_position_embeddings", yarn.original_max_position_embeddings);
  args.real("yarn_beta_fast", yarn.beta_fast);
  args.real("yarn_beta_slow", yarn.beta_slow);
  args.boolean("yarn_correction_range_round_to_int", yarn.round_to_int);
}

void add_positions(Entries& args, const TransformerConfig& c) {
  const auto yarn = megatron_yarn(c);
  args.string("position_embedding_type", yarn ? "yarn" : c.position_embedding_type);
  if (yarn) add_yarn(args, *yarn);
  // What Megatron has no argument for is recorded all the same.
  args.string("hf_rope_type", c.rope_scaling.type);
  args.real("hf_rope_factor", c.rope_scaling.factor);
  args.boolean("add_position_embedding", true);
  args.boolean("use_rotary_position_embeddings", c.position_embedding_type == "rope");
  // Megatron-LM declares --rotary-base as an integer.
  if (c.rotary_base == std::floor(c.rotary_base)) {
    args.integer("rotary_base", static_cast<std::int64_t>(c.rotary_base));
  } else {
    args.real("rotary_base", c.rotary_base);
  }
  args.real("rotary_percent", c.rotary_percent);
  args.boolean("rotary_interleaved", c.rotary_interleaved);
  const bool llama3 = c.rope_scaling.type == "llama3";
  args.boolean("use_rope_scaling", llama3);
  args.real("rope_scaling_factor", llama3 ? c.rope_scaling.factor : 8.0);
  if (c.rope_scaling.type == "linear") {
    args.real("rotary_seq_len_interpolation_factor", c.rope_scaling.factor);
  } else {
    args.none("rotary_seq_len_interpolation_factor");
  }
}

void add_layers(PickleArena& arena, Entries& args, const TransformerConfig& c) {
  args.string("normalization", c.normalization);
  args.real("norm_epsilon", c.layernorm_epsilon);
  args.real("layernorm_epsilon", c.layernorm_epsilon);  // TransformerConfig's name for the same
  args.boolean("apply_layernorm_1p", c.layernorm_zero_centered_gamma);
  args.boolean("swiglu", c.gated_linear_unit && c.activation == "silu");
  args.boolean("squared_relu", c.activation == "relu2");
  args.boolean("quick_geglu", c.gated_linear_unit && c.activation == "quick_gelu");
  args.boolean("openai_gelu", is_gelu_tanh(c.activation));
  args.string("hf_activation", c.activation);
  args.boolean("add_bias_linear", c.add_bias_linear);
  args.boolean("add_qkv_bias", c.add_qkv_bias);
  args.boolean("qk_layernorm", c.qk_layernorm);
  args.boolean("untie_embeddings_and_output_weights", !c.share_embeddings_and_output_weights);
  // HF counts the tokens that a query sees, itself included; Megatron counts those to its left.
  if (c.sliding_window) {
    args.node("window_size", arena.tuple({arena.integer(*c.sliding_window - 1), arena.integer(0)}));
  } else {
    args.none("window_size");
  }
  args.real("attention_dropout", c.attention_dropout);
  args.real("hidden_dropout", c.hidden_dropout);
  args.real("init_method_std", c.init_method_std);
  args.boolean("apply_query_key_layer_scaling", false);
  args.boolean("multi_latent_attention", false);
  args.none("num_experts");
}

void add_job(PickleArena& arena, Entries& args, const TransformerConfig& c, const MegatronTarget& t) {
  args.integer("vocab_size", c.vocab_size);
  args.integer("padded_vocab_size", t.padded_vocab_size);
  args.integer("make_vocab_size_divisible_by", t.vocab_divisible_by);
  args.integer("tensor_model_parallel_size", t.sizes.tensor);
  args.integer("pipeline_model_parallel_size", t.sizes.pipeline);
  args.none("virtual_pipeline_model_parallel_size");
  args.integer("expert_model_parallel_size", t.sizes.expert);
  args.integer("expert_tensor_parallel_size", t.sizes.expert_tensor);
  args.integer("context_parallel_size", 1);
  args.string("transformer_impl", t.impl == TransformerImpl::local ? "local" : "transformer_engine");
  args.string("ckpt_format", t.format);
  args.boolean("use_dist_ckpt", t.format == "torch_dist");
  args.node("params_dtype", arena.global("torch " + std::string(torch_name(t.dtype))));
  args.boolean("bf16", t.dtype == DType::bf16);
  args.boolean("fp16", t.dtype == DType::f16);
  args.boolean("no_save_optim", true);
  args.boolean("no_save_rng", true);
  args.integer("consumed_train_samples", 0);
  args.integer("consumed_valid_samples", 0);
}

}  // namespace

const PickleNode* megatron_args(PickleArena& arena, const TransformerConfig& config,
                                const MegatronTarget& target) {
  PickleNode* dict = arena.dict();
  Entries args(arena, dict);
  add_shape(args, config);
  add_positions(args, config);
  add_layers(arena, args, config);
  add_job(arena, args, config, target);
  return arena.instance("argparse Namespace", dict);
}

void add_common_state(PickleArena& arena, PickleNode* top, const TransformerConfig& config,
                      const MegatronTarget& target) {
  arena.set(top, "args", megatron_args(arena, config, target));
  arena.set(top, "checkpoint_version", arena.real(3.0));
  arena.set(top, "iteration", arena.integer(target.iteration));
  if (target.format != "torch_dist") return;
  // Says that layers are stacked (not "singleton_local_shards"); read by cores from 0.14 on when they build
  // the keys that they request (Megatron-LM checkpointing.py, _load_global_dist_base_checkpoint).
  PickleNode* content = arena.dict();
  arena.set(content, "singleton_local_shards", arena.boolean(false));
  arena.set(top, "content_metadata", content);
}

std::optional<MegatronYarn> megatron_yarn(const TransformerConfig& config) {
  const RopeScaling& rope = config.rope_scaling;
  if (rope.type != "yarn") return std::nullopt;
  MegatronYarn yarn{
      rope.factor,  rope.beta_fast, rope.beta_slow, 1.0, 0.0, rope.original_max_position_embeddings,
      rope.truncate};
  if (rope.attention_factor && rope.factor > 1.0) {
    yarn.mscale = (*rope.attention_factor - 1.0) / (0.1 * std::log(rope.factor));
  } else if (rope.mscale && rope.mscale_all_dim && *rope.mscale != 0.0 && *rope.mscale_all_dim != 0.0) {
    // transformers' modeling_rope_utils.py takes the pair only when both are given and not zero.
    yarn.mscale = *rope.mscale;
    yarn.mscale_all_dim = *rope.mscale_all_dim;
  }
  return yarn;
}

std::vector<std::string> megatron_flags(const TransformerConfig& c) {
  std::vector<std::string> flags;
  if (c.layernorm_epsilon != 1e-5) flags.push_back("--norm-epsilon " + shortest(c.layernorm_epsilon));
  if (c.rope_scaling.type == "llama3") {
    flags.push_back("--use-rope-scaling");
    flags.push_back("--rope-scaling-factor " + shortest(c.rope_scaling.factor));
  }
  if (c.rope_scaling.type == "linear")
    flags.push_back("--rotary-seq-len-interpolation-factor " + shortest(c.rope_scaling.factor));
  if (const auto yarn = megatron_yarn(c)) {
    flags.push_back("--rotary-scaling-factor " + shortest(yarn->factor));
    flags.push_back("--mscale " + shortest(yarn->mscale));
    flags.push_back("--mscale-all-dim " + shortest(yarn->mscale_all_dim));
    flags.push_back("--yarn-original-max-position-embeddings " +
                    std::to_string(yarn->original_max_position_embeddings));
    flags.push_back("--yarn-beta-fast " + shortest(yarn->beta_fast));
    flags.push_back("--yarn-beta-slow " + shortest(yarn->beta_slow));
    flags.emplace_back(yarn->round_to_int ? "--yarn-correction-range-round-to-int"
                                          : "--no-yarn-correction-range-round-to-int");
  }
  if (c.qk_layernorm) flags.emplace_back("--qk-layernorm");
  if (c.sliding_window) flags.push_back("--window-size " + std::to_string(*c.sliding_window - 1) + ",0");
  return flags;
}

std::vector<std::string> megatron_limits(const TransformerConfig& c) {
  std::vector<std::string> limits;
  const RopeScaling& rope = c.rope_scaling;
  if (rope.type == "llama3" && (rope.low_freq_factor != 1.0 || rope.high_freq_factor != 4.0 ||
                                rope.original_max_position_embeddings != 8192)) {
    // Megatron-Core rotary_pos_embedding.py, _apply_scaling: constants
    limits.push_back(
        "llama3 rope scaling with low_freq_factor=" + shortest(rope.low_freq_factor) +
        " high_freq_factor=" + shortest(rope.high_freq_factor) + " original_max_position_embeddings=" +
        std::to_string(rope.original_max_position_embeddings) + ": Megatron-Core always uses 1, 4 and 8192");
  }
  if (rope.type == "yarn")
    limits.emplace_back(
        "rope scaling \"yarn\" needs a megatron-core whose GPTModel knows it (0.16 does, 0.14 does not)");
  if (rope.type == "dynamic" || rope.type == "longrope") {
    limits.push_back("rope scaling \"" + rope.type +
                     "\": GPTModel has no setting for it in Megatron-LM's arguments");
  }
  if (c.gated_linear_unit && c.activation != "silu" && c.activation != "quick_gelu") {
    limits.push_back("gated activation \"" + c.activation +
                     "\": Megatron-LM has flags for silu and quick_gelu only");
  }
  if (!c.gated_linear_unit && c.activation != "relu2" && c.activation != "gelu" &&
      !is_gelu_tanh(c.activation)) {
    limits.push_back("activation \"" + c.activation + "\": Megatron-LM has no flag for it");
  }
  return limits;
}

}  // namespace mhub
