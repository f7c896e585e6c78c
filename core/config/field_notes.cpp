// SPDX-License-Identifier: Apache-2.0
// Flags and limits of Megatron-LM that several fields make together, or that are worded after their values.
#include <algorithm>

#include "mhub/config/field_functions.hpp"

namespace mhub {

ActivationFunction function_of(ActivationFunction activation) {
  switch (activation) {
    case ActivationFunction::swish: return ActivationFunction::silu;
    case ActivationFunction::gelu_python: return ActivationFunction::gelu;
    case ActivationFunction::gelu_new:
    case ActivationFunction::gelu_fast:
    case ActivationFunction::gelu_python_tanh:
    case ActivationFunction::gelu_accurate: return ActivationFunction::gelu_pytorch_tanh;
    default: return activation;
  }
}

std::vector<std::int64_t> list_meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere) {
  const bool plain = std::all_of(list.begin(), list.end(), [&](std::int64_t v) { return v == everywhere; });
  return plain ? std::vector<std::int64_t>{} : list;
}

bool has_temperature(const TransformerConfig& c) {
  return c.attention_temperature &&
         (c.attention_temperature->everywhere || !list_meaning(c.no_rope_layers, 0).empty());
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
  flags.push_back("--rotary-scaling-factor " + shortest(yarn->factor));
  flags.push_back("--mscale " + shortest(yarn->mscale));
  flags.push_back("--mscale-all-dim " + shortest(yarn->mscale_all_dim));
  if (c.mla) return;  // the rest has no arguments there
  flags.push_back("--yarn-original-max-position-embeddings " +
                  std::to_string(yarn->original_max_position_embeddings));
  flags.push_back("--yarn-beta-fast " + shortest(yarn->beta_fast));
  flags.push_back("--yarn-beta-slow " + shortest(yarn->beta_slow));
  flags.emplace_back(yarn->round_to_int ? "--yarn-correction-range-round-to-int"
                                        : "--no-yarn-correction-range-round-to-int");
}

void add_rope_type_flags(Lines& flags, const TransformerConfig& c) {
  const bool yarn = megatron_yarn(c).has_value();
  flags.emplace_back(yarn ? "--rope-type yarn" : "--rope-type rope");
  if (!yarn) flags.emplace_back("--rotary-scaling-factor 1");
}

void add_window_flag(Lines& flags, const TransformerConfig& c) {
  if (c.sliding_window) flags.push_back("--window-size " + std::to_string(*c.sliding_window - 1) + ",0");
}

void add_gelu_flag(Lines& flags, const TransformerConfig& c) {
  // With biases Megatron-LM fuses them with GELU, and the fusion is the tanh form.
  if (!c.gated_linear_unit && function_of(c.activation) == ActivationFunction::gelu && c.add_bias_linear)
    flags.emplace_back("--no-bias-gelu-fusion");
}

void add_gate_flag(Lines& flags, const TransformerConfig& c) {
  if (c.gated_linear_unit && c.activation == ActivationFunction::quick_gelu)
    flags.emplace_back("--quick-geglu");
}

void add_multiplier_flags(Lines& flags, const TransformerConfig& c) {
  if (!has_multipliers(c)) return;
  FieldBinding fields;
  TransformerConfig copy = c;
  bind_multipliers(fields, copy, Dialect::args);
  flags.emplace_back("--use-mup");
  for (const char* key : {"mup_embedding_mult", "mup_output_mult", "mup_base_head_dim"}) {
    std::string option = std::string("--") + key;
    std::replace(option.begin(), option.end(), '_', '-');
    flags.push_back(option + " " + shortest(fields.written().at(key).get<double>()));
  }
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
  if (rope.type == RopeKind::yarn)
    limits.emplace_back(
        "rope scaling \"yarn\" needs a megatron-core whose GPTModel knows it (0.16 does, 0.14 does not)");
  if (rope.type == RopeKind::dynamic || rope.type == RopeKind::longrope)
    limits.push_back("rope scaling \"" + name_of(rope.type) +
                     "\": GPTModel has no setting for it in Megatron-LM's arguments");
}

void add_activation_limits(Lines& limits, const TransformerConfig& c) {
  const ActivationFunction function = function_of(c.activation);
  const std::string named = "activation \"" + name_of(c.activation) + "\"";
  if (c.gated_linear_unit) {
    if (function != ActivationFunction::silu && function != ActivationFunction::quick_gelu)
      limits.push_back("gated " + named + ": Megatron-LM's flags (silu and quick_gelu) cannot" + kLayerSpec);
  } else if (function == ActivationFunction::gelu_pytorch_tanh) {
    if (!c.add_bias_linear)
      limits.push_back(named +
                       " without biases: Megatron-LM has the tanh form of GELU as a fusion with biases only");
  } else if (function != ActivationFunction::relu2 && function != ActivationFunction::gelu) {
    limits.push_back(named + ": Megatron-LM has no flag for it");
  }
}

void add_group_score_limit(Lines& limits, const TransformerConfig& c) {
  const MoeConfig& moe = *c.moe;
  if (moe.router_group_topk < 1) return;
  const std::int64_t per_group = moe.router_topk / moe.router_group_topk;
  if (moe.router_group_score_topk != per_group)
    limits.push_back("a group of experts counts by its " + std::to_string(moe.router_group_score_topk) +
                     " best: Megatron-Core takes " + std::to_string(per_group) +
                     " (moe_router_topk / moe_router_group_topk)");
}

void add_latent_yarn_limit(Lines& limits, const TransformerConfig& c) {
  const auto yarn = megatron_yarn(c);
  if (yarn &&
      (yarn->original_max_position_embeddings != 4096 || yarn->beta_fast != 32.0 || yarn->beta_slow != 1.0))
    limits.emplace_back(
        "yarn scaling of latent attention: Megatron-LM has no arguments for "
        "original_max_position_embeddings, beta_fast and beta_slow and takes 4096, 32 and 1");
}

void add_temperature_limit(Lines& limits, const TransformerConfig& c) {
  const AttentionTemperature& temperature = *c.attention_temperature;
  if (temperature.everywhere) {
    limits.push_back(
        "queries that grow with their position: SelfAttention cannot, so it differs from position " +
        std::to_string(temperature.floor_scale) + " on");
  } else if (!c.no_rope_layers.empty()) {
    limits.push_back(std::string("queries that grow with their position: SelfAttention cannot") + kLayerSpec);
  }
}

}  // namespace mhub
