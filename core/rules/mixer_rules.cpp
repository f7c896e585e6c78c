// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/mixer_rules.hpp"

#include <algorithm>

namespace mhub {
namespace {

/// Sizes along the axis of heads: of all key heads together, of all value heads, of what has one number a
/// value head, and of single heads.
struct Widths {
  explicit Widths(const LinearAttentionConfig& c)
      : key(c.num_key_heads * c.key_head_dim),
        value(c.num_value_heads * c.value_head_dim),
        heads(c.num_value_heads),
        key_head(c.key_head_dim),
        value_head(c.value_head_dim) {}
  std::int64_t key, value, heads, key_head, value_head;
};

Partition in_proj_partition(const Widths& w, const Shape& shape) {
  return split_axis(0, shape,
                    {{w.key, Role::query, w.key_head},
                     {w.key, Role::key, w.key_head},
                     {w.value, Role::value, w.value_head},
                     {w.value, Role::z, w.value_head},
                     {w.heads, Role::beta},
                     {w.heads, Role::alpha}});
}

/// [q; k; v; z; beta; alpha] from tensors that are grouped by key head.
Transform grouped_in_proj(const std::string& hf, const LinearAttentionConfig& c, std::int64_t hidden) {
  const Widths w(c);
  const std::int64_t groups = c.num_key_heads, ratio = c.num_value_heads / groups;
  const Shape shape{2 * w.key + 2 * w.value + 2 * w.heads, hidden};
  const View destination(shape);
  std::int64_t row = 0;
  // Operand `name` holds, per key head, parts of the given numbers of rows, each of which is a segment.
  auto operand = [&](const std::string& name, const std::vector<std::int64_t>& parts) {
    std::int64_t per_head = 0;
    for (const std::int64_t rows : parts) per_head += rows;
    Operand result{hf + name, {groups * per_head, hidden}, {}, {}};
    const View source = View(result.shape).split(0, {groups, per_head});
    std::int64_t first = 0;
    for (const std::int64_t rows : parts) {
      result.boxes.push_back(zip(source.slice(1, first, rows),
                                 destination.slice(0, row, groups * rows).split(0, {groups, rows})));
      first += rows;
      row += groups * rows;
    }
    return result;
  };
  Operand qkvz = operand("in_proj_qkvz.weight", {c.key_head_dim, c.key_head_dim, ratio * c.value_head_dim,
                                                 ratio * c.value_head_dim});
  Operand ba = operand("in_proj_ba.weight", {ratio, ratio});
  return custom("delta net by key head", {std::move(qkvz), std::move(ba)}, shape,
                in_proj_partition(w, shape));
}

Transform separate_in_proj(const std::string& hf, const LinearAttentionConfig& c, std::int64_t hidden) {
  const Widths w(c);
  Transform transform = concatenated(hf + "in_proj_{qkv,z,b,a}.weight",
                                     {2 * w.key + w.value, w.value, w.heads, w.heads}, {hidden});
  transform.partition = in_proj_partition(w, transform.shape);
  return transform;
}

/// DSAIndexer. Its heads rotate their first dimensions, in Hugging Face's layout and in Megatron-Core's.
void add_indexer(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  const SparseAttentionConfig& s = *c.sparse_attention;
  Layers layers;
  for (std::int64_t layer = 0; layer < c.num_layers; ++layer) {
    if (chooses_tokens(s, layer)) layers.push_back(layer);
  }
  const std::string hf = names.layer + "self_attn.indexer.";
  auto add = [&](const std::string& name, const std::string& hf_name, const Shape& shape) {
    layer_rule(map, kIndexer + name, replicated(hf + hf_name, shape), layers);
  };
  add("linear_wq_b.weight", "wq_b.weight", {s.n_heads * s.head_dim, c.mla->q_lora_rank});
  add("linear_wk.weight", "wk.weight", {s.head_dim, c.hidden_size});
  for (const std::string name : {"k_norm.weight", "k_norm.bias"}) add(name, name, {s.head_dim});
  add("linear_weights_proj.weight", "weights_proj.weight", {s.n_heads, c.hidden_size});
}

}  // namespace

bool chooses_tokens(const SparseAttentionConfig& s, std::int64_t layer) {
  const std::int64_t first = std::max<std::int64_t>(s.skip_topk_offset, 1);
  return std::max<std::int64_t>(layer + 1 - first, 0) % s.topk_freq == 0;
}

void add_latent_attention(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                          const MlaNames& mla) {
  const std::string layer = "decoder.layers.{i}.", attention = layer + "self_attention.";
  const MlaConfig& a = *c.mla;
  const std::int64_t h = c.hidden_size, heads = c.num_attention_heads;
  const std::int64_t q_rows = heads * (a.qk_head_dim + a.qk_pos_emb_head_dim);
  auto hf = [&](const std::string& name) { return names.layer + name + ".weight"; };
  const bool sparse = c.sparse_attention.has_value();
  auto norm = [&](const std::string& fused, const std::string& own) {
    return attention + (sparse ? own + ".weight" : fused + ".layer_norm_weight");
  };
  add_norm(map, c, layer + "input_layernorm.", names.layer + names.input_norm);
  if (a.q_lora_rank == 0) {
    map.rule(attention + "linear_q_proj.weight", column(hf(mla.q), {q_rows, h}));
  } else {
    map.rule(attention + "linear_q_down_proj.weight",
             replicated_or_column(hf(mla.q_down), {a.q_lora_rank, h}));
    map.rule(norm("linear_q_up_proj", "q_layernorm"), replicated(hf(mla.q_norm), {a.q_lora_rank}));
    map.rule(attention + "linear_q_up_proj.weight", column(hf(mla.q_up), {q_rows, a.q_lora_rank}));
  }
  map.rule(attention + "linear_kv_down_proj.weight",
           replicated_or_column(hf(mla.kv_down), {a.kv_lora_rank + a.qk_pos_emb_head_dim, h}));
  map.rule(norm("linear_kv_up_proj", "kv_layernorm"), replicated(hf(mla.kv_norm), {a.kv_lora_rank}));
  map.rule(attention + "linear_kv_up_proj.weight",
           column(hf(mla.kv_up), {heads * (a.qk_head_dim + a.v_head_dim), a.kv_lora_rank}));
  map.rule(attention + "linear_proj.weight", row(hf(names.proj), {h, heads * a.v_head_dim}));
  if (sparse) add_indexer(map, c, names);
}

void add_gated_delta_net(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                         const std::string& mixer, DeltaProjections projections, const Layers& layers) {
  const std::string megatron = "decoder.layers.{i}.self_attention.", hf = names.layer + mixer + ".";
  const LinearAttentionConfig& linear = *c.linear_attention;
  const Widths w(linear);
  auto add = [&](const std::string& name, Transform transform) {
    map.rule(megatron + name, std::move(transform)).only("i", layers);
  };
  add_norm(map, c, megatron + "in_proj.layer_norm_", names.layer + names.input_norm, layers);
  add("in_proj.weight", projections == DeltaProjections::grouped
                            ? grouped_in_proj(hf, linear, c.hidden_size)
                            : separate_in_proj(hf, linear, c.hidden_size));
  const Shape convolution{2 * w.key + w.value, 1, linear.conv_kernel_dim};
  add("conv1d.weight", partitioned(hf + "conv1d.weight", convolution,
                                   split_axis(0, convolution,
                                              {{w.key, Role::query, w.key_head},
                                               {w.key, Role::key, w.key_head},
                                               {w.value, Role::value, w.value_head}})));
  for (const char* name : {"A_log", "dt_bias"}) add(name, column(hf + name, {w.heads}));
  add("out_norm.weight", zero_centered(replicated(hf + "norm.weight", {linear.value_head_dim})));
  add("out_proj.weight", row(hf + "out_proj.weight", {c.hidden_size, w.value}));
}

void LinearAttentionFields::bind(ConfigBinding& b, std::int64_t num_layers) {
  if (!b.megatron.linear_attention) b.megatron.linear_attention.emplace();
  LinearAttentionConfig& m = *b.megatron.linear_attention;
  b.positive("linear_conv_kernel_dim", conv_kernel_dim, m.conv_kernel_dim);
  b.positive("linear_key_head_dim", key_head_dim, m.key_head_dim);
  b.positive("linear_value_head_dim", value_head_dim, m.value_head_dim);
  b.positive("linear_num_key_heads", num_key_heads, m.num_key_heads);
  b.positive("linear_num_value_heads", num_value_heads, m.num_value_heads);
  b.divides("linear_num_key_heads", num_key_heads, "linear_num_value_heads", num_value_heads);
  // No model comes near these; they keep the sizes of all tensors inside 64 bits.
  constexpr std::int64_t kWidest = std::int64_t{1} << 28, kLongest = 1 << 10;
  b.check(conv_kernel_dim <= kLongest, "linear_conv_kernel_dim", "expected 1024 at most");
  b.check(num_key_heads * key_head_dim <= kWidest, "linear_num_key_heads", "too many heads of this size");
  b.check(num_value_heads * value_head_dim <= kWidest, "linear_num_value_heads",
          "too many heads of this size");
  if (b.reading()) {
    const std::int64_t interval = b.reader().integer("full_attention_interval", 4);
    b.check(interval > 0, "full_attention_interval", "expected 1 or more");
    for (std::int64_t i = 0; i < num_layers; ++i) layers.push_back((i + 1) % interval != 0 ? 1 : 0);
  }
  b.link(layers, m.layer_freq);
  b.per_layer("layer_types", {"full_attention", "linear_attention"}, layers);
  b.check(static_cast<std::int64_t>(layers.size()) == num_layers, "layer_types",
          "expected " + std::to_string(num_layers) + " entries, one a layer, found " +
              std::to_string(layers.size()));
}

MambaKeys bamba_keys() {
  return {.num_heads = "mamba_n_heads",
          .head_dim = "mamba_d_head",
          .state_size = "mamba_d_state",
          .groups = "mamba_n_groups",
          .conv_kernel = "mamba_d_conv",
          .conv_bias = "mamba_conv_bias",
          .activation = "hidden_act",
          .expand = "mamba_expand"};
}

void MambaMixerConfig::bind_head_dim(ConfigBinding& b, const MambaKeys& keys, std::int64_t hidden_size) {
  MambaConfig& mamba = *b.megatron.mamba;
  if (!keys.expand.empty()) b.positive(keys.expand, expand);
  const nlohmann::json& json = b.reader().json();
  const bool automatic = json.contains(keys.head_dim) && json.at(keys.head_dim) == "auto";
  if (!automatic) b.positive(keys.head_dim, mamba_head_dim, mamba.head_dim);
  if (keys.expand.empty()) return;
  if (b.reading() && (automatic || mamba_head_dim == 0))
    mamba_head_dim = expand * hidden_size / mamba_num_heads;
  if (b.from_megatron()) expand = mamba_num_heads * mamba_head_dim / hidden_size;
  b.check(mamba_num_heads * mamba_head_dim == expand * hidden_size, keys.expand,
          "expected the size of all " + keys.num_heads + " heads together, divided by hidden_size");
}

void MambaMixerConfig::bind(ConfigBinding& b, const MambaKeys& keys, std::int64_t hidden_size) {
  if (!b.megatron.mamba) b.megatron.mamba.emplace();
  MambaConfig& mamba = *b.megatron.mamba;
  b.positive(keys.num_heads, mamba_num_heads, mamba.num_heads);
  bind_head_dim(b, keys, hidden_size);
  b.positive(keys.state_size, ssm_state_size, mamba.state_dim);
  b.positive(keys.groups, n_groups, mamba.num_groups);
  b.divides(keys.groups, n_groups, keys.num_heads, mamba_num_heads);
  b.require(keys.conv_kernel, conv_kernel);  // MambaMixer has no setting for it
  b.require(keys.conv_bias, true);
  b.require(keys.proj_bias, false);
  b.require(keys.activation, "silu");
  if (!b.reading() || !b.reader().has("time_step_limit")) return;
  // [0, infinity], which JSON has no number for.
  const nlohmann::json& limit = b.reader().json().at("time_step_limit");
  b.check(limit.is_array() && limit.size() == 2 && limit[0] == 0 && !limit[1].is_number(), "time_step_limit",
          "unsupported: MambaMixer limits no time step");
}

void add_mamba(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const std::string& mixer,
               const Layers& layers) {
  const std::string megatron = "decoder.layers.{i}.mixer.", hf = names.layer + mixer + ".";
  const MambaConfig& m = *c.mamba;
  const std::int64_t inner = m.num_heads * m.head_dim, state = m.num_groups * m.state_dim;
  auto add = [&](const std::string& name, Transform transform) {
    map.rule(megatron + name, std::move(transform)).only("i", layers);
  };
  // A rank has whole heads and whole groups (mamba_mixer.py asserts it).
  const std::vector<Partition::Segment> convolved{
      {inner, Role::x, m.head_dim}, {state, Role::B, m.state_dim}, {state, Role::C, m.state_dim}};
  std::vector<Partition::Segment> projected{{inner, Role::z, m.head_dim}};
  projected.insert(projected.end(), convolved.begin(), convolved.end());
  projected.emplace_back(m.num_heads, Role::dt);
  auto split = [&](const std::string& name, const Shape& shape,
                   const std::vector<Partition::Segment>& segments) {
    return partitioned(name, shape, split_axis(0, shape, segments));
  };
  add_norm(map, c, megatron + "in_proj.layer_norm_", names.layer + names.input_norm, layers);
  add("in_proj.weight",
      split(hf + "in_proj.weight", {2 * inner + 2 * state + m.num_heads, c.hidden_size}, projected));
  add("conv1d_weight", split(hf + "conv1d.weight", {inner + 2 * state, 1, m.conv_kernel_dim}, convolved));
  add("conv1d_bias", split(hf + "conv1d.bias", {inner + 2 * state}, convolved));
  for (const char* name : {"A_log", "D", "dt_bias"}) add(name, column(hf + name, {m.num_heads}));
  add("norm.weight", column(hf + "norm.weight", {inner}));
  add("out_proj.weight", row(hf + "out_proj.weight", {c.hidden_size, inner}));
}

void bind_layer_pairs(ConfigBinding& b, std::int64_t& num_hidden_layers, std::vector<std::int64_t>& kinds,
                      char mlp) {
  TransformerConfig& m = b.megatron;
  if (b.to_megatron()) {
    m.num_layers = 2 * num_hidden_layers;
    for (const std::int64_t kind : kinds) {
      m.hybrid_layer_pattern += kind != 0 ? '*' : 'M';
      m.hybrid_layer_pattern += mlp;
    }
  }
  if (!b.from_megatron()) return;
  // Another pattern comes back as a different one, by which it is known that this is none of such a model.
  num_hidden_layers = m.num_layers / 2;
  const Layers attention = layers_of(m.hybrid_layer_pattern, '*');
  kinds.assign(static_cast<std::size_t>(num_hidden_layers), 0);
  for (const std::int64_t layer : attention) {
    if (layer / 2 < num_hidden_layers) kinds[static_cast<std::size_t>(layer / 2)] = 1;
  }
}

Layers layers_of(const std::string& pattern, char symbol) {
  Layers layers;
  std::int64_t layer = 0;
  for (const char one : pattern) {
    if (one == '|') continue;
    if (one == symbol) layers.push_back(layer);
    ++layer;
  }
  return layers;
}

}  // namespace mhub
