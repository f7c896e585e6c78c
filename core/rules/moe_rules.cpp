// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/moe_rules.hpp"

#include <algorithm>

#include "mhub/base/config_error.hpp"
#include "mhub/rules/mixer_rules.hpp"

namespace mhub {
namespace {

/// [gate; up] from rows gate 0, up 0, gate 1, up 1, ...
Transform deinterleaved(const std::string& hf, std::int64_t rows, const Shape& inner) {
  const Shape shape = with_rows(2 * rows, inner);
  std::vector<std::size_t> order{1, 0};
  if (!inner.empty()) order.push_back(2);
  const View alternating = View(shape).split(0, {rows, 2}).permute(order);
  Operand operand{hf, shape, {zip(alternating, View(shape).split(0, {2, rows}))}, {}};
  return custom("deinterleaved", {std::move(operand)}, shape, gate_up_partition(shape));
}

/// Operands as the state stores an expert's tensor.
Transform stored(Transform transform, const MoeNames& names, std::int64_t experts) {
  if (names.storage == ExpertStorage::separate) return transform;
  if (names.storage == ExpertStorage::stacked_transposed && transform.shape.size() == 2)
    transform = transposed(std::move(transform));
  return stacked(std::move(transform), "e", experts);
}

void add_experts(Mapping& map, const TransformerConfig& c, const std::string& hf, const MoeNames& names,
                 const Layers& layers) {
  const std::int64_t latent = c.moe->latent_size, h = latent > 0 ? latent : c.hidden_size;
  const std::int64_t f = c.moe->ffn_hidden_size, n = c.moe->num_experts;
  if (latent > 0) {  // whole on every rank (moe_layer.py)
    layer_rule(map, "mlp.fc1_latent_proj.weight", replicated(hf + names.latent_fc1, {h, c.hidden_size}),
               layers);
    layer_rule(map, "mlp.fc2_latent_proj.weight", replicated(hf + names.latent_fc2, {c.hidden_size, h}),
               layers);
  }
  const auto add = [&](const std::string& part, Transform transform) {
    layer_rule(map, "mlp.experts.local_experts.{e}." + part, stored(std::move(transform), names, n), layers);
  };
  const auto any_fc1 = [&](const std::string& name, const Shape& inner) {
    const bool alternating = names.interleaved && c.gated_linear_unit;
    return alternating ? deinterleaved(hf + name, f, inner) : fc1(hf + name, c, f, inner);
  };
  map.index("e", n);
  add("linear_fc1.weight", any_fc1(names.fc1, {h}));
  add("linear_fc2.weight", row(hf + names.fc2, {h, f}));
  if (!c.add_bias_linear) return;
  add("linear_fc1.bias", any_fc1(names.fc1_bias, {}));
  add("linear_fc2.bias", replicated(hf + names.fc2_bias, {h}));
}

void add_shared_experts(Mapping& map, const TransformerConfig& c, const std::string& hf,
                        const MoeNames& names, const Layers& layers) {
  const std::string shared = "mlp.shared_experts.";
  const std::int64_t h = c.hidden_size, f = c.moe->shared_expert_intermediate_size;
  layer_rule(map, shared + "linear_fc1.weight", fc1(hf + names.shared_fc1, c, f, {h}), layers);
  layer_rule(map, shared + "linear_fc2.weight", row(hf + names.shared_fc2, {h, f}), layers);
  if (c.moe->shared_expert_gate)
    layer_rule(map, shared + "gate_weight", replicated(hf + names.shared_gate, {1, h}), layers);
}

/// Norms of their own for experts and shared expert, by Megatron-Bridge's names (models/gemma/
/// gemma4_bridge.py).
void add_separate_norms(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                        const MoeNames& moe, const Layers& layers) {
  const std::string layer = "decoder.layers.{i}.";
  add_norm(map, c, layer + "pre_shared_expert_layernorm.", names.layer + moe.shared_pre_norm, layers);
  add_norm(map, c, layer + "mlp.post_shared_expert_layernorm.", names.layer + moe.shared_post_norm, layers);
  add_norm(map, c, layer + "mlp.post_moe_layernorm.", names.layer + moe.experts_post_norm, layers);
  if (c.post_norms)
    add_norm(map, c, layer + "post_ffn_layernorm.", names.layer + names.post_mlp_norm, layers);
}

}  // namespace

Layers moe_layers(const TransformerConfig& c) {
  if (!c.hybrid_layer_pattern.empty()) return layers_of(c.hybrid_layer_pattern, 'E');
  if (!c.moe->layer_freq.empty()) return layers_with(c.moe->layer_freq, 1);
  return layers_with(std::vector<std::int64_t>(static_cast<std::size_t>(c.num_layers), 1), 1);
}

Layers dense_layers(const TransformerConfig& c) { return layers_with(c.moe->layer_freq, 0); }

void add_moe(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const MoeNames& moe) {
  const Layers layers = moe_layers(c);
  const std::int64_t n = c.moe->num_experts;
  const auto add = [&](const char* name, const std::string& hf, const Shape& shape) -> Rule& {
    return layer_rule(map, std::string("mlp.router.") + name, replicated(names.layer + hf, shape), layers);
  };
  add_norm(map, c, "decoder.layers.{i}.pre_mlp_layernorm.", names.layer + names.pre_mlp_norm, layers);
  add("weight", moe.router, {n, c.hidden_size});
  if (c.moe->router_scaled) {
    add("scale", moe.router_scale, {c.hidden_size});
    add("per_expert_scale", moe.expert_scale, {n});
  }
  if (c.add_bias_linear) add("bias", moe.router_bias, {n});
  // Megatron-Core keeps it in float32 in a model of any type (router.py, _maintain_float32_expert_bias).
  if (c.moe->router_enable_expert_bias)
    layer_rule(map, "mlp.router.expert_bias",
               flattened(names.layer + moe.correction_bias, moe.correction_is_row ? Shape{1, n} : Shape{n}),
               layers)
        .dtype = DType::f32;
  add_experts(map, c, names.layer, moe, layers);
  if (c.moe->shared_expert_intermediate_size > 0) add_shared_experts(map, c, names.layer, moe, layers);
  if (c.moe->separate_norms) add_separate_norms(map, c, names, moe, layers);
}

void add_mlps(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const MoeNames& moe) {
  if (const Layers dense = dense_layers(c); !dense.empty()) add_dense_mlp(map, c, names, dense);
  add_moe(map, c, names, moe);
}

Mapping moe_decoder_mapping(const TransformerConfig& c, const DecoderNames& names, const MoeNames& moe) {
  Mapping map;
  add_ends(map, c, names);
  add_attention(map, c, names);
  add_mlps(map, c, names, moe);
  add_layer_scalar(map, c, names);
  return map;
}

Mapping with_stacked_experts(const Mapping& mapping) {
  constexpr std::string_view kExpert = ".experts.{e}.";
  Mapping stacked_map = mapping;
  for (Rule& rule : stacked_map.rules()) {
    Transform& transform = rule.transform;
    const std::size_t at = transform.operands.at(0).name.find(kExpert);
    if (at == std::string::npos || !rule.megatron.ends_with(".weight")) continue;
    const char* name = rule.megatron.ends_with("linear_fc2.weight")              ? "down_proj"
                       : transform.partition.segments.front().role == Role::gate ? "gate_up_proj"
                                                                                 : "up_proj";
    Operand all{transform.operands[0].name.substr(0, at) + ".experts." + name,
                transform.shape,
                {run_box(0, 0, numel(transform.shape))},
                {}};
    transform = stacked(custom(transform.kind, {std::move(all)}, transform.shape, transform.partition), "e",
                        mapping.indices().at("e"));
  }
  return stacked_map;
}

Mapping with_turned_experts(const Mapping& mapping) {
  Mapping turned = mapping;
  for (Rule& rule : turned.rules()) {
    Transform& transform = rule.transform;
    const std::vector<Operand>& operands = transform.operands;
    if (operands.size() != 1 || operands[0].stack_variable.empty() || operands[0].shape.size() != 3) continue;
    const std::string variable = operands[0].stack_variable;
    const std::int64_t experts = operands[0].shape[0];
    transform.operands[0].shape.erase(transform.operands[0].shape.begin());
    transform = stacked(transposed(std::move(transform)), variable, experts);
  }
  return turned;
}

MoeConfig& moe_config(ConfigBinding& b) {
  if (!b.megatron.moe) b.megatron.moe.emplace();
  return *b.megatron.moe;
}

void bind_leading_dense_layers(ConfigBinding& b, const std::string& key, std::int64_t& value,
                               std::int64_t layers) {
  b.integer(key, value);
  b.check(value >= 0 && value < layers, key, "expected less than num_hidden_layers");
  std::vector<std::int64_t>& freq = moe_config(b).layer_freq;
  if (b.to_megatron()) {
    freq.assign(static_cast<std::size_t>(layers), 1);
    std::fill_n(freq.begin(), value, 0);
  }
  if (b.from_megatron()) value = std::find(freq.begin(), freq.end(), 1) - freq.begin();
}

void bind_mlp_layer_types(ConfigBinding& b, const std::string& key, std::int64_t value, std::int64_t layers) {
  constexpr const char* kTypes = "mlp_layer_types";
  std::vector<std::int64_t> sparse;
  if (b.writing()) {
    sparse.assign(static_cast<std::size_t>(layers), 1);
    std::fill_n(sparse.begin(), std::min(value, layers), 0);
  }
  b.per_layer(kTypes, {"dense", "sparse"}, sparse);
  if (!b.reading() || sparse.empty()) return;
  const std::int64_t dense = std::find(sparse.begin(), sparse.end(), 1) - sparse.begin();
  b.check(std::is_sorted(sparse.begin(), sparse.end()), kTypes,
          "unsupported: dense layers behind sparse ones");
  b.check(b.reader().integer(key, dense) == dense, key, std::string("contradicts ") + kTypes);
  b.absent_means(key, dense);
}

void bind_sparse_layers(ConfigBinding& b, std::int64_t& step, std::vector<std::int64_t>& dense,
                        std::int64_t layers) {
  b.positive("decoder_sparse_step", step);
  b.integers("mlp_only_layers", dense);
  std::vector<std::int64_t>& freq = moe_config(b).layer_freq;
  if (b.to_megatron()) {
    for (std::int64_t i = 0; i < layers; ++i) {
      const bool listed = std::find(dense.begin(), dense.end(), i) != dense.end();
      freq.push_back(!listed && (i + 1) % step == 0 ? 1 : 0);
    }
    if (std::count(freq.begin(), freq.end(), 0) == 0) freq.clear();
  }
  if (b.from_megatron()) dense = dense_layers(b.megatron);
}

void bind_shared_experts(ConfigBinding& b, const std::string& key, std::optional<std::int64_t>& count) {
  b.optional(key, count);
  b.check(count.value_or(0) >= 0, key, "expected null, or 0 or more");
  MoeConfig& moe = moe_config(b);
  if (b.to_megatron()) moe.shared_expert_intermediate_size = count.value_or(0) * moe.ffn_hidden_size;
  if (b.from_megatron() && moe.ffn_hidden_size > 0)
    count = moe.shared_expert_intermediate_size / moe.ffn_hidden_size;
}

void bind_expert_groups(ConfigBinding& b, std::optional<std::int64_t>& groups,
                        std::optional<std::int64_t>& chosen) {
  b.optional("n_group", groups);
  b.optional("topk_group", chosen);
  MoeConfig& moe = moe_config(b);
  const std::int64_t all = groups.value_or(1), some = chosen.value_or(all);
  b.check(all > 0 && some > 0 && some <= all, "topk_group", "expected 1 to n_group");
  if (b.to_megatron()) {
    if (all > 0 && moe.num_experts % all != 0)
      throw ConfigError("n_group=" + std::to_string(all) + " does not divide the " +
                        std::to_string(moe.num_experts) + " experts");
    moe.router_num_groups = some < all ? all : 0;
    moe.router_group_topk = some < all ? some : 0;
  }
  if (b.from_megatron()) {
    groups = std::max<std::int64_t>(1, moe.router_num_groups);
    chosen = std::max<std::int64_t>(1, moe.router_group_topk);
  }
}

void bind_softmax_router(ConfigBinding& b, bool& norm_topk_prob) {
  MoeConfig& moe = moe_config(b);
  b.boolean("norm_topk_prob", norm_topk_prob);
  b.fixed(moe.router_pre_softmax, !norm_topk_prob);
  if (b.from_megatron()) norm_topk_prob = !moe.router_pre_softmax;
}

void bind_several_softmax_router(ConfigBinding& b, bool& norm_topk_prob, std::int64_t experts_per_token) {
  bind_softmax_router(b, norm_topk_prob);
  b.check(experts_per_token > 1 || !norm_topk_prob, "norm_topk_prob",
          "unsupported with one expert a token: its weight is the score here and would be 1");
}

void bind_sigmoid_router(ConfigBinding& b, std::int64_t experts_per_token, const std::string& score_key) {
  MoeConfig& moe = moe_config(b);
  if (!score_key.empty()) b.require(score_key, "sigmoid");
  // Megatron-Core divides by the sum unless a single expert is chosen (moe_utils.py).
  b.require("norm_topk_prob", true);
  b.check(experts_per_token > 1, "num_experts_per_tok",
          "unsupported with a sigmoid router: 1 (its weight would be 1 here and is the score in Megatron)");
  b.fixed(moe.router_score_function, RouterScore::sigmoid);
  b.fixed(moe.router_pre_softmax, true);
  b.fixed(moe.router_enable_expert_bias, true);
  b.fixed(moe.router_fp32, true);
  b.fixed(moe.router_group_score_topk, moe.router_num_groups > 0 ? 2 : 0);  // modeling_deepseek_v3.py
}

}  // namespace mhub
