// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/layer_specs.hpp"

#include <algorithm>

#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

using Json = nlohmann::json;

/// What a module of examples/megatron/ builds.
struct Row {
  const char* module;
  enum Layers { dense, experts, hybrid } layers;  ///< hybrid: for any HybridModel, with experts or without
  Json has;  ///< every one of these fields, with these values where the value is a constant of the module
  std::vector<std::string> may_have = {};  ///< what it takes from Megatron-Core's config, or does without
};

const std::vector<Row>& rows() {
  static const Json norms_on_top{{"pre_norms", false}, {"post_norms", true}, {"qk_layernorm", true}};
  static const auto with = [](Json fields, const Json& more) {
    fields.update(more);
    return fields;
  };
  static const Json shared{{"parallel_residual", true}, {"shared_pre_norm", true}};
  static const Json cohere = with(shared, {{"layernorm_bias", false}});
  static const Json olmo2 = with(norms_on_top, {{"qk_layernorm_over_heads", true}});
  static const Json tanh{{"activation", "gelu_pytorch_tanh"}};
  static const std::vector<Row> all{
      {"apertus", Row::dense, {{"activation", "xielu"}, {"qk_layernorm", true}}},
      {"baichuan", Row::dense, {{"normalized_output_layer", true}}},
      {"cohere", Row::dense, cohere},
      {"command_r_plus", Row::dense, with(cohere, {{"qk_layernorm", true}, {"qk_layernorm_per_head", true}})},
      {"exaone4", Row::dense, norms_on_top},
      {"falcon", Row::dense, shared},
      {"gemma", Row::dense, tanh},
      {"gemma2", Row::dense,
       with(tanh,
            {{"post_norms", true}, {"attn_logit_softcapping", 50.0}, {"final_logit_softcapping", 30.0}})},
      {"gemma3", Row::dense,
       with(tanh, {{"post_norms", true}, {"qk_layernorm", true}, {"rotary_base_local", 10000.0}})},
      {"glm4", Row::dense, {{"post_norms", true}}},
      {"gpt_neox", Row::dense, {{"parallel_residual", true}}},
      {"granite", Row::dense, {{"residual_multiplier", 0.22}}},
      {"hunyuan", Row::dense, {{"qk_layernorm", true}, {"qk_layernorm_rotated", true}}},
      {"olmo2", Row::dense, olmo2},
      {"olmo3", Row::dense, with(olmo2, {{"rotary_base_local", 500000.0}})},
      {"phi", Row::dense, with(shared, {{"output_layer_bias", true}})},
      {"ernie_moe", Row::experts, {{"router_score_function", "softmax"}}, {"qk_layernorm"}},
      {"granite_moe", Row::experts, {{"residual_multiplier", 0.22}}, {"qk_layernorm"}},
      {"hunyuan_moe", Row::experts, {{"qk_layernorm", true}, {"qk_layernorm_rotated", true}}},
      {"olmoe", Row::experts, {{"qk_layernorm", true}, {"qk_layernorm_over_heads", true}}},
      {"granite_hybrid", Row::hybrid, {{"residual_multiplier", 0.22}}, {"qk_layernorm"}},
      {"llama4",
       Row::experts,
       {{"attention_chunk_size", 8192}, {"floor_scale", 8192}, {"scale", 0.1}},
       {"qk_l2_norm_rotated_only"}}};
  return all;
}

/// What of a model no layer of Megatron-Core's has, and what tells specs for that apart; by field.
Json parts_for_specs(const TransformerConfig& c) {
  Json parts = Json::object();
  Json beside = Json::object();
  for (const Field& field : fields()) {
    if (!matters(field, c)) continue;
    const std::string member(field.member);
    if (needs_spec(field, c) && field.get != nullptr) parts[member] = meaning_of(field, c);
    for (const char* other : {"shared_pre_norm", "pre_norms", "qk_layernorm"}) {
      if (member == other && !has_default(field, c)) beside[member] = field.get(c);
    }
  }
  if (!parts.empty()) parts.update(beside);
  return parts;
}

Row::Layers layers_of(const TransformerConfig& c) {
  if (!c.hybrid_layer_pattern.empty()) return Row::hybrid;
  return c.moe ? Row::experts : Row::dense;
}

bool fits(const Row& row, const Json& parts) {
  for (const auto& one : row.has.items()) {
    const auto part = parts.find(one.key());
    // Another number is another constant; another word is another thing.
    if (part == parts.end() || (one.value().is_string() && *part != one.value())) return false;
  }
  return std::all_of(parts.items().begin(), parts.items().end(), [&](const auto& one) {
    return row.has.contains(one.key()) ||
           std::find(row.may_have.begin(), row.may_have.end(), one.key()) != row.may_have.end();
  });
}

}  // namespace

bool is_beyond_layer_specs(const TransformerConfig& c) {
  const bool attention = c.full_attention || c.shared_keys || c.value_norm || c.key_is_value ||
                         c.rope_scaling.type == RopeKind::proportional;
  const bool experts = c.moe && (c.moe->router_scaled || c.moe->separate_norms);
  return attention || experts || c.layer_embeddings || c.layer_scalar;
}

std::optional<LayerSpec> layer_spec(const TransformerConfig& c) {
  const Json parts = parts_for_specs(c);
  if (parts.empty() || is_beyond_layer_specs(c)) return std::nullopt;
  for (const Row& row : rows()) {
    if (row.layers != layers_of(c) || !fits(row, parts)) continue;
    LayerSpec spec{row.module, {}};
    for (const auto& one : row.has.items()) {
      const Json& found = parts[one.key()];
      if (found != one.value())
        spec.differences[one.key()] =
            one.key() + " " + shown(found) + " in the place of " + shown(one.value());
    }
    return spec;
  }
  return std::nullopt;
}

}  // namespace mhub
