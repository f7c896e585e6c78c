// SPDX-License-Identifier: Apache-2.0
// Rotary scaling in Megatron's terms.
#include <cmath>

#include "mhub/config/megatron_fields.hpp"

namespace mhub {
namespace {

void bind_yarn(FieldBinding& f, MegatronYarn& yarn, const RotaryScalingNames& names) {
  f.number(names.yarn_factor, yarn.factor);
  f.number(names.yarn_mscale, yarn.mscale);
  f.number(names.yarn_mscale_all_dim, yarn.mscale_all_dim);
  f.positive("yarn_original_max_position_embeddings", yarn.original_max_position_embeddings);
  f.number("yarn_beta_fast", yarn.beta_fast);
  f.number("yarn_beta_slow", yarn.beta_slow);
  f.boolean("yarn_correction_range_round_to_int", yarn.round_to_int);
}

}  // namespace

void bind_rotary_scaling(FieldBinding& f, TransformerConfig& c, const RotaryScalingNames& names) {
  const auto yarn = c.mla ? std::nullopt : megatron_yarn(c);
  std::string type = yarn ? "yarn" : c.position_embedding_type;
  f.text("position_embedding_type", type);
  if (f.reading()) c.position_embedding_type = type == "yarn" ? "rope" : type;
  if (type == "yarn") {
    MegatronYarn settings = yarn.value_or(MegatronYarn{});
    bind_yarn(f, settings, names);
    if (f.reading()) c.rope_scaling = hf_yarn(settings);
  }
  bool llama3 = c.rope_scaling.type == "llama3";
  f.boolean(names.llama3, llama3);
  const bool all = names.factor_when_off.has_value();
  double factor = llama3 ? c.rope_scaling.factor : names.factor_when_off.value_or(c.rope_scaling.factor);
  if (f.reading() || llama3 || all) f.number("rope_scaling_factor", factor);
  std::optional<double> interpolation;
  if (c.rope_scaling.type == "linear") interpolation = c.rope_scaling.factor;
  if (f.reading() || interpolation || all) f.optional(names.interpolation, interpolation);
  if (f.reading() && llama3) {
    c.rope_scaling.type = "llama3";
    c.rope_scaling.factor = factor;
  } else if (f.reading() && interpolation && *interpolation != 1.0) {
    c.rope_scaling.type = "linear";
    c.rope_scaling.factor = *interpolation;
  }
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

RopeScaling hf_yarn(const MegatronYarn& yarn) {
  RopeScaling rope;
  rope.type = "yarn";
  rope.factor = yarn.factor;
  rope.beta_fast = yarn.beta_fast;
  rope.beta_slow = yarn.beta_slow;
  rope.original_max_position_embeddings = yarn.original_max_position_embeddings;
  rope.truncate = yarn.round_to_int;
  if (yarn.mscale_all_dim != 0.0 && yarn.mscale != 0.0) {
    rope.mscale = yarn.mscale;
    rope.mscale_all_dim = yarn.mscale_all_dim;
  } else if (yarn.mscale != 1.0) {
    rope.attention_factor = 0.1 * yarn.mscale * std::log(yarn.factor) + 1.0;
  }
  return rope;
}

}  // namespace mhub
