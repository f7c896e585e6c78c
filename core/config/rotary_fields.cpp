// SPDX-License-Identifier: Apache-2.0
// Rotary positions in Megatron's terms.
#include <cmath>

#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

/// YaRN scaling in Megatron-Core's terms (yarn_rotary_pos_embedding.py): cosines and sines are multiplied by
/// m(mscale) / m(mscale_all_dim) with m(x) = 0.1 x ln(factor) + 1.
struct MegatronYarn {
  MegatronYarn() { scaling.original_max_position_embeddings = 4096; }
  RopeScaling scaling;
  double mscale = 1.0, mscale_all_dim = 0.0;
};

/// Nothing for a model without YaRN. An explicit attention_factor becomes the mscale that gives it.
std::optional<MegatronYarn> megatron_yarn(const TransformerConfig& config) {
  const RopeScaling& rope = config.rope_scaling;
  if (rope.type != RopeKind::yarn) return std::nullopt;
  MegatronYarn yarn;
  yarn.scaling = rope;
  if (rope.attention_factor && rope.factor > 1.0) {
    yarn.mscale = (*rope.attention_factor - 1.0) / (0.1 * std::log(rope.factor));
  } else if (rope.mscale && rope.mscale_all_dim && *rope.mscale != 0.0 && *rope.mscale_all_dim != 0.0) {
    // transformers' modeling_rope_utils.py takes the pair only when both are given and not zero.
    yarn.mscale = *rope.mscale;
    yarn.mscale_all_dim = *rope.mscale_all_dim;
  }
  return yarn;
}

/// What one kind of description calls the settings of rotary scaling; the others have one name everywhere.
struct ScalingNames {
  const char *yarn,  ///< in front of YaRN's other names
      *yarn_factor, *yarn_mscale, *yarn_mscale_all_dim;
  const char *llama3, *interpolation;  ///< a flag; the factor of linear scaling
};
/// Names as Megatron-LM's arguments.py has them, for YaRN as argument_utils.py, _apply_yarn_config_from_args,
/// reads them.
constexpr ScalingNames kArguments{
    "yarn_",          "rotary_scaling_factor", "mscale",
    "mscale_all_dim", "use_rope_scaling",      "rotary_seq_len_interpolation_factor"};
/// The fields of Bridge's GPTModelProvider (models/gpt_provider.py), and of MLATransformerConfig.
constexpr ScalingNames kProvider{"yarn_",        "yarn_rotary_scaling_factor",
                                 "yarn_mscale",  "yarn_mscale_all_dim",
                                 "rope_scaling", "seq_len_interpolation_factor"};
constexpr ScalingNames kLatent{"", "rotary_scaling_factor", "mscale", "mscale_all_dim", nullptr, nullptr};

/// The scaling that a Hugging Face config states for Megatron's.
RopeScaling hf_yarn(const MegatronYarn& yarn) {
  RopeScaling rope = yarn.scaling;
  rope.type = RopeKind::yarn;
  if (yarn.mscale_all_dim != 0.0 && yarn.mscale != 0.0) {
    rope.mscale = yarn.mscale;
    rope.mscale_all_dim = yarn.mscale_all_dim;
  } else if (yarn.mscale != 1.0) {
    rope.attention_factor = 0.1 * yarn.mscale * std::log(yarn.scaling.factor) + 1.0;
  }
  return rope;
}

void bind_yarn(FieldBinding& f, MegatronYarn& yarn, const ScalingNames& names) {
  f.number(names.yarn_factor, yarn.scaling.factor);
  f.number(names.yarn_mscale, yarn.mscale);
  f.number(names.yarn_mscale_all_dim, yarn.mscale_all_dim);
  const std::string prefix = names.yarn;
  f.positive(prefix + "original_max_position_embeddings", yarn.scaling.original_max_position_embeddings);
  f.number(prefix + "beta_fast", yarn.scaling.beta_fast);
  f.number(prefix + "beta_slow", yarn.scaling.beta_slow);
}

/// How latent attention rotates. What says nothing means MLATransformerConfig's default: Megatron-LM's
/// argument is null unless it is given (argument_utils.py takes it away then).
std::string latent_rope_type(const FieldBinding& f) { return f.reader().string("rope_type", "yarn"); }

/// MLATransformerConfig always scales (rope_type "yarn" with a factor of 1 is plain).
void bind_latent_scaling(FieldBinding& f, TransformerConfig& c) {
  MegatronYarn yarn = megatron_yarn(c).value_or(MegatronYarn{});
  if (!f.reading() && !megatron_yarn(c)) yarn.mscale_all_dim = 1.0;
  std::string type = f.reading() ? latent_rope_type(f) : megatron_yarn(c) ? "yarn" : "rope";
  f.text("rope_type", type);
  bind_yarn(f, yarn, kLatent);
  if (!f.reading()) return;
  if (type != "yarn" && type != "rope") f.reader().fail("rope_type", "unsupported: \"" + type + "\"");
  if (yarn.scaling.factor == 1.0) return;
  if (type == "yarn") {
    c.rope_scaling = hf_yarn(yarn);
  } else if (yarn.scaling.factor > 1.0 && yarn.mscale_all_dim != 0.0) {
    // multi_latent_attention.py scales logits by them whatever rope_type is.
    f.reader().fail(
        "rotary_scaling_factor",
        "unsupported: " + shortest(yarn.scaling.factor) + " with mscale_all_dim " +
            shortest(yarn.mscale_all_dim) +
            " and rope_type \"rope\": attention is scaled and positions are not, which no Hugging "
            "Face model does; --hf-reference DIR names the model to take instead");
  }
}

/// position_embedding_type "yarn" is GPTModel's name for rotary positions that YaRN scales.
void bind_type(FieldBinding& f, TransformerConfig& c, const ScalingNames& names) {
  const auto yarn = c.mla ? std::nullopt : megatron_yarn(c);
  std::string type = yarn ? "yarn" : name_of(c.position_embedding_type);
  f.text("position_embedding_type", type);
  if (type == "yarn" && !c.mla) {
    MegatronYarn settings = yarn.value_or(MegatronYarn{});
    bind_yarn(f, settings, names);
    f.boolean("yarn_correction_range_round_to_int", settings.scaling.truncate);
    if (f.reading()) c.rope_scaling = hf_yarn(settings);
  }
  if (!f.reading()) return;
  // Latent attention rotates on its own account; of GPTModel's types only the learned one adds something
  // then.
  if (type == "yarn" || (c.mla && type != name_of(PositionEmbedding::learned_absolute))) type = "rope";
  const auto known = find_named<PositionEmbedding>(type);
  if (!known) f.reader().fail("position_embedding_type", "unsupported: \"" + type + "\"");
  c.position_embedding_type = *known;
}

void bind_other_scaling(FieldBinding& f, TransformerConfig& c, Dialect dialect, const ScalingNames& names) {
  if (f.reading() && c.mla) return;  // GPTModel's, which latent attention does not look at
  // Megatron-LM's model builder asks for the factors whether they are used or not.
  const bool all = dialect == Dialect::args;
  bool llama3 = c.rope_scaling.type == RopeKind::llama3;
  f.boolean(names.llama3, llama3);
  double factor = llama3 || !all ? c.rope_scaling.factor : 8.0;
  if (f.reading() || llama3 || all) f.number("rope_scaling_factor", factor);
  std::optional<double> interpolation;
  if (c.rope_scaling.type == RopeKind::linear) interpolation = c.rope_scaling.factor;
  if (f.reading() || interpolation || all) f.optional(names.interpolation, interpolation);
  if (f.reading() && llama3) {
    c.rope_scaling.type = RopeKind::llama3;
    c.rope_scaling.factor = factor;
  } else if (f.reading() && interpolation && *interpolation != 1.0) {
    c.rope_scaling.type = RopeKind::linear;
    c.rope_scaling.factor = *interpolation;
  }
}

/// What only Megatron-LM's arguments say.
void bind_arguments(FieldBinding& f, TransformerConfig& c) {
  if (f.reading()) {
    bool rotary = false;  // an older way to say it
    f.boolean("use_rotary_position_embeddings", rotary);
    if (rotary) c.position_embedding_type = PositionEmbedding::rope;
  }
  f.constant("add_position_embedding", true);
  // Megatron-LM takes it for "rope" whatever position_embedding_type says (arguments.py, validate_args).
  const bool yarn = !c.mla && megatron_yarn(c);
  f.constant("use_rotary_position_embeddings", c.position_embedding_type == PositionEmbedding::rope && !yarn);
  // The whole scaling as Hugging Face states it: Megatron has no argument for some of it.
  if (!f.reading() && c.rope_scaling.type == RopeKind::none) return;
  f.nested("hf_rope_scaling", [&](FieldBinding& scaling) {
    if (f.reading()) c.rope_scaling = {};
    bind_rope_scaling(scaling, c.rope_scaling, f.reader());
  });
}

}  // namespace

void bind_positions(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const bool args = dialect == Dialect::args;
  if (f.reading() && !args) c.position_embedding_type = PositionEmbedding::learned_absolute;
  if (c.mla) bind_latent_scaling(f, c);
  bind_type(f, c, args ? kArguments : kProvider);
  bind_other_scaling(f, c, dialect, args ? kArguments : kProvider);
  if (args) bind_arguments(f, c);
}

void bind_rotary_base(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  // Megatron-Bridge states a base for layers with a window as the first of a pair.
  if (f.reading() && f.reader().has("rotary_base") && f.reader().json().at("rotary_base").is_array()) {
    const std::vector<double> bases = f.reader().numbers("rotary_base");
    if (bases.size() != 2) f.reader().fail("rotary_base", "expected a number or a pair");
    c.rotary_base_local = bases[0];
    c.rotary_base = bases[1];
  } else {
    f.number("rotary_base", c.rotary_base);
  }
  // Megatron-LM declares --rotary-base as an integer.
  if (dialect == Dialect::args && c.rotary_base == std::floor(c.rotary_base))
    f.constant("rotary_base", static_cast<std::int64_t>(c.rotary_base));
}

void bind_rotary_percent(FieldBinding& f, TransformerConfig& c, Dialect) {
  constexpr const char* kKey = "rotary_percent";
  if (!f.reading() || !c.mla) return f.number(kKey, c.rotary_percent);
  const double percent = f.reader().number(kKey, 1.0);
  if (percent != 1.0 && latent_rope_type(f) == "rope")
    f.reader().fail(kKey, "unsupported: " + shortest(percent) +
                              " with latent attention: no Hugging Face model rotates a part of its rotary "
                              "dimensions; --hf-reference DIR names the model to take instead");
}

void add_rope_flags(Lines& flags, const TransformerConfig& c) {
  if (c.rope_scaling.type == RopeKind::llama3) {
    flags.emplace_back("--use-rope-scaling");
    flags.push_back("--rope-scaling-factor " + shortest(c.rope_scaling.factor));
  }
  if (c.rope_scaling.type == RopeKind::linear)
    flags.push_back("--rotary-seq-len-interpolation-factor " + shortest(c.rope_scaling.factor));
  const auto yarn = megatron_yarn(c);
  if (!yarn) return;
  flags.push_back("--rotary-scaling-factor " + shortest(yarn->scaling.factor));
  flags.push_back("--mscale " + shortest(yarn->mscale));
  flags.push_back("--mscale-all-dim " + shortest(yarn->mscale_all_dim));
  if (c.mla) return;  // the rest has no arguments there
  flags.push_back("--yarn-original-max-position-embeddings " +
                  std::to_string(yarn->scaling.original_max_position_embeddings));
  flags.push_back("--yarn-beta-fast " + shortest(yarn->scaling.beta_fast));
  flags.push_back("--yarn-beta-slow " + shortest(yarn->scaling.beta_slow));
  flags.emplace_back(yarn->scaling.truncate ? "--yarn-correction-range-round-to-int"
                                            : "--no-yarn-correction-range-round-to-int");
}

void add_rope_type_flags(Lines& flags, const TransformerConfig& c) {
  const bool yarn = megatron_yarn(c).has_value();
  flags.emplace_back(yarn ? "--rope-type yarn" : "--rope-type rope");
  if (!yarn) flags.emplace_back("--rotary-scaling-factor 1");
  // The fused rotation of latent attention is YaRN's alone, and not sparse attention's
  // (transformer_config.py); it is the default.
  if (!yarn || c.sparse_attention) flags.emplace_back("--no-rope-fusion");
}

void add_rope_limits(Lines& limits, const TransformerConfig& c) {
  const RopeScaling& rope = c.rope_scaling;
  if (rope.type == RopeKind::llama3 && (rope.low_freq_factor != 1.0 || rope.high_freq_factor != 4.0 ||
                                        rope.original_max_position_embeddings != 8192)) {
    // Megatron-Core rotary_pos_embedding.py, _apply_scaling: constants
    limits.push_back(
        "llama3 rope scaling with low_freq_factor=" + shortest(rope.low_freq_factor) +
        " high_freq_factor=" + shortest(rope.high_freq_factor) + " original_max_position_embeddings=" +
        std::to_string(rope.original_max_position_embeddings) + ": Megatron-Core always uses 1, 4 and 8192");
  }
  if (rope.type == RopeKind::llama3 && rope.factor != 8.0)
    limits.push_back(
        "llama3 rope scaling with a factor of " + shortest(rope.factor) +
        ": the builder of Megatron-LM 0.19 (argument_utils.py, gpt_config_from_args) does not pass "
        "it on and takes 8");
  if (rope.type == RopeKind::yarn)
    limits.emplace_back(
        "rope scaling \"yarn\" needs a megatron-core whose GPTModel knows it (0.16 does, 0.14 does not)");
  if (rope.type == RopeKind::dynamic || rope.type == RopeKind::longrope ||
      rope.type == RopeKind::proportional)
    limits.push_back("rope scaling \"" + name_of(rope.type) +
                     "\": GPTModel has no setting for it in Megatron-LM's arguments");
}

void add_latent_yarn_limit(Lines& limits, const TransformerConfig& c) {
  const auto yarn = megatron_yarn(c);
  if (yarn && (yarn->scaling.original_max_position_embeddings != 4096 || yarn->scaling.beta_fast != 32.0 ||
               yarn->scaling.beta_slow != 1.0))
    limits.emplace_back(
        "yarn scaling of latent attention: Megatron-LM has no arguments for "
        "original_max_position_embeddings, beta_fast and beta_slow and takes 4096, 32 and 1");
  add_latent_epsilon_note(limits, c);
}

void add_latent_epsilon_note(Lines& notes, const TransformerConfig& c) {
  // multi_latent_attention.py takes layernorm_epsilon for q_layernorm and kv_layernorm; transformers leaves
  // them at the class's default (modeling_deepseek_v3.py, DeepseekV3RMSNorm).
  if (c.layernorm_epsilon != 1e-6)
    notes.push_back(
        "the norms of compressed queries, keys and values have an epsilon of 1e-06 in transformers; "
        "Megatron-Core takes " +
        shortest(c.layernorm_epsilon) + " for all norms");
}

}  // namespace mhub
