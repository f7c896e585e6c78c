// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/gated_delta_rules.hpp"

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

}  // namespace

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

}  // namespace mhub
