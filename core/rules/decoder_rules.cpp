// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/decoder_rules.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "mhub/base/config_error.hpp"
#include "mhub/config/heterogeneous.hpp"

namespace mhub {
namespace {

const std::string kLayer = "decoder.layers.{i}.";

bool has_norm_bias(const TransformerConfig& c) {
  return c.normalization == Normalization::layer && c.layernorm_bias;
}

/// Operands of a weight as the state stores them.
Transform stored(Transform transform, const DecoderNames& names) {
  return names.conv1d && transform.shape.size() == 2 ? transposed(std::move(transform)) : transform;
}

/// Of the names of q, k and v those of some.
std::string with_parts(std::string hf, const char* parts) {
  constexpr std::string_view kAll = "{q,k,v}";
  const std::size_t at = hf.find(kAll);
  if (at == hf.npos) throw std::logic_error("a layer without values: expected {q,k,v} in " + hf);
  return hf.replace(at, kAll.size(), parts);
}

/// linear_qkv's weight (`inner` is the hidden size) or bias (`inner` is empty).
Transform qkv_transform(const std::string& hf, const TransformerConfig& c, const DecoderNames& names,
                        const Shape& inner, bool shares_keys) {
  const AttentionHeads heads{c.num_attention_heads, c.num_query_groups, c.kv_channels,
                             c.value_channels.value_or(0)};
  if (c.key_is_value && heads.value_dim() != heads.dim)
    throw ConfigError("sizes do not fit: values are keys, and have heads of " +
                      std::to_string(heads.value_dim()) + ", not of " + std::to_string(heads.dim));
  if (shares_keys) return query_alone(with_parts(hf, "q"), heads, inner);
  if (c.attention_output_gate) return gated_qkv(hf, heads, inner);
  if (c.key_is_value) return tied_qkv(with_parts(hf, "{q,k}"), heads, inner);
  if (expand_alternatives(hf).size() == 3) return qkv(hf, heads, inner);
  if (names.qkv_order == FusedOrder::concatenated) return fused_qkv(hf, heads, inner);
  const Shape shape =
      with_rows((heads.query + heads.groups) * heads.dim + heads.groups * heads.value_dim(), inner);
  return partitioned(hf, shape, qkv_partition(heads, shape));
}

/// transformers' XIELUActivation (activations.py): two parameters, and two constants that it saves as well.
/// The parameters' names in Megatron are those of the fork that trained Apertus (swiss-ai/Megatron-LM) and of
/// Megatron-Bridge from 0.7 on, where the constants are none of the state.
void add_xielu(Mapping& map, const std::string& hf, const std::optional<Layers>& layers) {
  for (const std::string part : {"alpha_p", "alpha_n"})
    layer_rule(map, "mlp.activation_func." + part, replicated(hf + part, {1}), layers);
  for (const std::string part : {"beta", "eps"}) {
    Rule& rule = map.carried(hf + part, {});
    if (layers) rule.only("i", *layers);
  }
}

/// Adds a block, of which each layer has a size of its own: `linear` for the layers that have one linear
/// layer in its place, `add` for those of each size, with a config in which `size` is theirs.
template <typename Linear, typename Add>
void for_each_size(const TransformerConfig& c, std::vector<std::int64_t> HeterogeneousConfig::*sizes,
                   std::int64_t TransformerConfig::*size, const std::optional<Layers>& among,
                   const Linear& linear, const Add& add) {
  const std::vector<std::int64_t>& list = (*c.heterogeneous).*sizes;
  std::map<std::int64_t, Layers> layers;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const auto layer = static_cast<std::int64_t>(k);
    const bool asked = !among || std::find(among->begin(), among->end(), layer) != among->end();
    if (list[k] != kNoBlock && asked) layers[list[k]].push_back(layer);
  }
  TransformerConfig alike = c;
  alike.heterogeneous.reset();
  for (const auto& [of_size, some] : layers) {
    if (of_size == kLinearBlock) {
      linear(some);
      continue;
    }
    alike.*size = of_size;
    add(alike, some);
  }
}

/// Of `among` (of all where absent) those layers.
template <typename Wanted>
Layers layers_where(const TransformerConfig& c, const std::optional<Layers>& among, const Wanted& wanted) {
  Layers some;
  for (std::int64_t layer = 0; layer < c.num_layers; ++layer) {
    const bool asked = !among || std::find(among->begin(), among->end(), layer) != among->end();
    if (asked && wanted(layer)) some.push_back(layer);
  }
  return some;
}

/// What a layer's names begin with.
std::string layer_name(const DecoderNames& names, std::int64_t layer) {
  return substitute(names.layer, {{"i", layer}});
}

/// One linear layer in a block's place, behind the block's norm (heterogeneous_layer_specs.py): "weight" and
/// "layer_norm_weight" of `block`, which are TransformerEngine's names for both in one module.
void add_linear_block(Mapping& map, const TransformerConfig& c, const std::string& block,
                      const std::string& norm, const std::string& hf, const Layers& layers) {
  add_norm(map, c, kLayer + block + "layer_norm_", norm, layers);
  layer_rule(map, block + "weight", column(hf + ".weight", {c.hidden_size, c.hidden_size}), layers);
}

/// Attention of layers that are alike; `keys_of`: of the layer whose keys and values they take.
void add_one_attention(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                       const std::optional<Layers>& layers, const std::optional<std::int64_t>& keys_of) {
  const std::string attention = kLayer + "self_attention.";
  const std::int64_t h = c.hidden_size,
                     width = c.num_attention_heads * c.value_channels.value_or(c.kv_channels);
  const auto add = [&](const std::string& part, Transform transform) {
    layer_rule(map, "self_attention." + part, std::move(transform), layers);
  };
  if (c.pre_norms)
    add_norm(map, c, attention + "linear_qkv.layer_norm_", names.layer + names.input_norm, layers);
  const std::string hf_qkv = names.layer + names.qkv, hf_proj = names.layer + names.proj;
  add("linear_qkv.weight",
      stored(qkv_transform(hf_qkv + ".weight", c, names, {h}, keys_of.has_value()), names));
  if (c.add_qkv_bias || c.add_bias_linear)
    add("linear_qkv.bias", qkv_transform(hf_qkv + ".bias", c, names, {}, keys_of.has_value()));
  const auto add_head_norm = [&](const std::string& part, const std::string& hf, std::int64_t heads) {
    // Over all heads, and with one for each, the weight belongs to heads, but every rank keeps all of it.
    Shape shape{c.qk_layernorm_over_heads ? heads * c.kv_channels : c.kv_channels};
    if (c.qk_layernorm_per_head) shape = {heads, c.kv_channels};
    add(part + ".weight", flattened(names.layer + hf + ".weight", shape));
    if (has_norm_bias(c)) add(part + ".bias", flattened(names.layer + hf + ".bias", shape));
  };
  if (c.qk_layernorm) {
    add_head_norm("q_layernorm", names.q_norm, c.num_attention_heads);
    if (keys_of) {
      add("k_layernorm.weight",
          filled(layer_name(names, *keys_of) + names.k_norm + ".weight", Shape{c.kv_channels}));
    } else {
      add_head_norm("k_layernorm", names.k_norm, c.num_query_groups);
    }
  }
  if (c.softmax_type == SoftmaxType::learnable)
    add("core_attention.softmax_offset", column(names.layer + names.sinks, {c.num_attention_heads}));
  add("linear_proj.weight", stored(row(hf_proj + ".weight", {h, width}), names));
  if (c.add_bias_linear || c.attention_proj_bias) add("linear_proj.bias", replicated(hf_proj + ".bias", {h}));
  // Megatron-Bridge's name for norms behind a block (bridge models/gemma/gemma2_bridge.py).
  if (c.post_norms)
    add_norm(map, c, attention + "linear_proj.post_layernorm.", names.layer + names.post_attention_norm,
             layers);
}

}  // namespace

Rule& layer_rule(Mapping& map, const std::string& part, Transform transform,
                 const std::optional<Layers>& layers) {
  Rule& rule = map.rule(kLayer + part, std::move(transform));
  return layers ? rule.only("i", *layers) : rule;
}

Transform fc1(const std::string& hf, const TransformerConfig& c, std::int64_t rows, const Shape& inner) {
  if (!c.gated_linear_unit) return column(hf, with_rows(rows, inner));
  if (expand_alternatives(hf).size() == 2) return gated(hf, rows, inner);
  const Shape shape = with_rows(2 * rows, inner);
  return partitioned(hf, shape, gate_up_partition(shape));
}

void add_norm(Mapping& map, const TransformerConfig& config, const std::string& megatron,
              const std::string& hf, const std::optional<Layers>& layers) {
  const auto add = [&](const std::string& name) {
    Rule& rule = map.rule(megatron + name, replicated(hf + "." + name, {config.hidden_size}));
    if (layers) rule.only("i", *layers);
  };
  add("weight");
  if (has_norm_bias(config)) add("bias");
}

void add_ends(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  const Shape table{c.vocab_size, c.hidden_size};
  map.base_model_prefix(names.base_prefix).index("i", c.num_layers);
  map.rule("embedding.word_embeddings.weight", vocabulary(names.embedding + ".weight", table));
  if (!names.position_embedding.empty()) {
    map.rule("embedding.position_embeddings.weight",
             replicated(names.position_embedding + ".weight", {c.max_position_embeddings, c.hidden_size}));
  }
  // HybridModel calls it final_norm (hybrid_block.py).
  const bool hybrid = !c.hybrid_layer_pattern.empty();
  add_norm(map, c, hybrid ? "decoder.final_norm." : "decoder.final_layernorm.", names.final_norm);
  if (c.share_embeddings_and_output_weights) {
    map.tied(names.output_layer + ".weight", names.embedding + ".weight");
  } else {
    map.rule("output_layer.weight", vocabulary(names.output_layer + ".weight", table));
  }
  if (c.output_layer_bias)
    map.rule("output_layer.bias", vocabulary(names.output_layer + ".bias", {c.vocab_size}));
}

void add_attention(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                   const std::optional<Layers>& layers) {
  if (c.heterogeneous) {
    return for_each_size(
        c, &HeterogeneousConfig::num_query_groups, &TransformerConfig::num_query_groups, layers,
        [&](const Layers& some) {
          add_linear_block(map, c, "self_attention.", names.layer + names.input_norm,
                           names.layer + names.linear_attention, some);
        },
        [&](const TransformerConfig& one, const Layers& some) { add_attention(map, one, names, some); });
  }
  if (c.full_attention) {
    for (const bool window : {true, false})
      add_attention(
          map, with_attention_of(c, window), names,
          layers_where(c, layers, [&](std::int64_t layer) { return has_window(c, layer) == window; }));
    return;
  }
  if (!c.shared_keys || c.shared_keys->stored) return add_one_attention(map, c, names, layers, {});
  std::map<std::optional<std::int64_t>, Layers> by_source;
  for (const std::int64_t layer : layers_where(c, layers, [](std::int64_t) { return true; })) {
    const std::int64_t source = layer_with_keys_of(c, layer);
    by_source[source == layer ? std::nullopt : std::optional(source)].push_back(layer);
  }
  for (const auto& [source, some] : by_source) add_one_attention(map, c, names, some, source);
}

void add_dense_mlp(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                   const std::optional<Layers>& layers) {
  if (c.heterogeneous) {
    return for_each_size(
        c, &HeterogeneousConfig::ffn_hidden_size, &TransformerConfig::ffn_hidden_size, layers,
        [&](const Layers& some) {
          add_linear_block(map, c, "mlp.", names.layer + names.pre_mlp_norm, names.layer + names.linear_mlp,
                           some);
        },
        [&](const TransformerConfig& one, const Layers& some) { add_dense_mlp(map, one, names, some); });
  }
  if (c.shared_keys && c.shared_keys->wide_mlp) {
    TransformerConfig one = c;
    one.shared_keys.reset();
    for (const bool wide : {false, true}) {
      add_dense_mlp(map, one, names, layers_where(c, layers, [&](std::int64_t layer) {
                      return (layer_with_keys_of(c, layer) != layer) == wide;
                    }));
      one.ffn_hidden_size *= 2;
    }
    return;
  }
  const std::string mlp = kLayer + "mlp.";
  const std::int64_t h = c.hidden_size, f = c.ffn_hidden_size;
  const auto add = [&](const std::string& part, Transform transform) {
    layer_rule(map, "mlp." + part, std::move(transform), layers);
  };
  if (c.pre_norms && !c.shared_pre_norm)
    add_norm(map, c, mlp + "linear_fc1.layer_norm_", names.layer + names.pre_mlp_norm, layers);
  const std::string hf_fc1 = names.layer + names.fc1, hf_fc2 = names.layer + names.fc2;
  add("linear_fc1.weight", stored(fc1(hf_fc1 + ".weight", c, f, {h}), names));
  add("linear_fc2.weight", stored(row(hf_fc2 + ".weight", {h, f}), names));
  if (c.activation == ActivationFunction::xielu) add_xielu(map, names.layer + names.activation + ".", layers);
  if (c.add_bias_linear) {
    add("linear_fc1.bias", fc1(hf_fc1 + ".bias", c, f, {}));
    add("linear_fc2.bias", replicated(hf_fc2 + ".bias", {h}));
  }
  if (c.post_norms)
    add_norm(map, c, mlp + "linear_fc2.post_layernorm.", names.layer + names.post_mlp_norm, layers);
}

Mapping decoder_mapping(const TransformerConfig& config, const DecoderNames& names) {
  Mapping map;
  add_ends(map, config, names);
  add_attention(map, config, names);
  add_dense_mlp(map, config, names);
  add_layer_scalar(map, config, names);
  add_layer_embeddings(map, config, names);
  if (config.position_embedding_type == PositionEmbedding::rope)
    map.ignore("*.rotary_emb.inv_freq", "rotary frequencies, computed from the config");
  return map;
}

Layers layers_with(const std::vector<std::int64_t>& list, std::int64_t value) {
  Layers layers;
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (list[k] == value) layers.push_back(static_cast<std::int64_t>(k));
  }
  return layers;
}

}  // namespace mhub
