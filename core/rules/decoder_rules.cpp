// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/decoder_rules.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "mhub/config/heterogeneous.hpp"

namespace mhub {
namespace {

const std::string kLayer = "decoder.layers.{i}.";
constexpr const char* kPredictionBlocks = "num_nextn_predict_layers";

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
  const AttentionHeads heads{c.num_attention_heads, c.num_query_groups, c.kv_channels};
  if (shares_keys) return query_alone(with_parts(hf, "q"), heads, inner);
  if (c.attention_output_gate) return gated_qkv(hf, heads, inner);
  if (c.key_is_value) return tied_qkv(with_parts(hf, "{q,k}"), heads, inner);
  if (expand_alternatives(hf).size() == 3) return qkv(hf, heads, inner);
  if (names.qkv_order == FusedOrder::concatenated) return fused_qkv(hf, heads, inner);
  const Shape shape = with_rows((heads.query + 2 * heads.groups) * heads.dim, inner);
  return partitioned(hf, shape, qkv_partition(heads, shape));
}

/// The same rule for multi-token-prediction blocks, which are built like the last decoder layer; nothing
/// where that layer has no such tensor. An indexer is in every block, also where that layer does as another
/// one: layers of blocks are counted on their own (multi_token_prediction.py).
std::optional<Rule> block_rule(Rule rule, const TransformerConfig& c, const DecoderNames& names,
                               const std::string& hf_layer) {
  const auto only = rule.values.find("i");
  const bool applies =
      rule.megatron.starts_with(kLayer) &&
      (only == rule.values.end() || rule.megatron.starts_with(kLayer + kIndexer) ||
       std::find(only->second.begin(), only->second.end(), c.num_layers - 1) != only->second.end());
  if (!applies) return std::nullopt;
  rule.values.erase("i");
  rule.megatron = "mtp.layers.{t}.transformer_layer." + rule.megatron.substr(kLayer.size());
  for (Operand& operand : rule.transform.operands)
    operand.name = hf_layer + operand.name.substr(names.layer.size());
  return rule;
}

/// The rules of the decoder's layers that such blocks repeat: its own, or with a dense MLP for its experts.
std::vector<Rule> repeated_rules(const Mapping& decoder, const TransformerConfig& c,
                                 const DecoderNames& names) {
  if (!c.mtp_dense) return decoder.rules();
  Mapping dense;
  add_dense_mlp(dense, c, names);
  std::vector<Rule> rules = dense.rules();
  for (const Rule& rule : decoder.rules()) {
    if (!rule.megatron.starts_with(kLayer + "mlp.") && !rule.megatron.starts_with(kLayer + "pre_mlp_"))
      rules.push_back(rule);
  }
  return rules;
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

/// Megatron's eh_proj is of [embedding; hidden state] (multi_token_prediction.py).
Transform mtp_projection(const MtpNames& mtp, std::int64_t hidden) {
  const std::string hf = mtp.projection + ".weight";
  const Shape shape{hidden, 2 * hidden};
  if (!mtp.hidden_first) return column(hf, shape);
  const View first = View(shape).slice(1, 0, hidden), second = View(shape).slice(1, hidden, hidden);
  return custom("swapped halves", {{hf, shape, {zip(first, second), zip(second, first)}, {}}}, shape,
                split_axis(0, shape));
}

/// Attention of layers that are alike; `keys_of`: of the layer whose keys and values they take.
void add_one_attention(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                       const std::optional<Layers>& layers, const std::optional<std::int64_t>& keys_of) {
  const std::string attention = kLayer + "self_attention.";
  const std::int64_t h = c.hidden_size, width = c.num_attention_heads * c.kv_channels;
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

void bind_prediction_blocks(ConfigBinding& b, std::int64_t& blocks) {
  b.integer(kPredictionBlocks, blocks);
  b.check(blocks >= 0, kPredictionBlocks, "expected 0 or more");
  b.link(blocks, b.megatron.mtp_num_layers);
}

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names, const MtpNames& mtp) {
  if (c.mtp_num_layers == 0) return;
  const std::string block = "mtp.layers.{t}.";
  map.index("t", c.mtp_num_layers);
  for (const Rule& rule : repeated_rules(map, c, names)) {
    if (std::optional<Rule> same = block_rule(rule, c, names, mtp.layer))
      map.rule(same->megatron, same->transform) = *same;
  }
  add_norm(map, c, block + "enorm.", mtp.embedding_norm);
  add_norm(map, c, block + "hnorm.", mtp.hidden_norm);
  map.rule(block + "eh_proj.weight", mtp_projection(mtp, c.hidden_size));
  add_norm(map, c, block + "final_layernorm.", mtp.final_norm);
  for (std::int64_t t = 0; t < c.mtp_num_layers; ++t) {
    auto copy = [&](const std::string& name, const std::string& of) {
      if (!name.empty()) map.tied(substitute(name, {{"t", t}}) + ".weight", of + ".weight");
    };
    copy(mtp.embedding, names.embedding);
    copy(mtp.head, names.output_layer);
  }
}

MtpNames mtp_names(const TransformerConfig& c, const DecoderNames& names, const std::string& final_norm) {
  const std::string number = "{i}";
  std::string hf = names.layer;
  hf.replace(hf.find(number), number.size(), "{t+" + std::to_string(c.num_layers) + "}");
  return {hf, hf + "eh_proj", hf + "enorm", hf + "hnorm", hf + final_norm, {}, {}};
}

void add_mtp(Mapping& map, const TransformerConfig& c, const DecoderNames& names) {
  MtpNames mtp = mtp_names(c, names, "shared_head.norm");
  mtp.embedding = mtp.layer + "embed_tokens";
  mtp.head = mtp.layer + "shared_head.head";
  add_mtp(map, c, names, mtp);
}

MtpNames separate_mtp_names() {
  return {
      "mtp.layers.{t}.", "mtp.fc", "mtp.pre_fc_norm_embedding", "mtp.pre_fc_norm_hidden", "mtp.norm", {}, {}};
}

nlohmann::json with_separate_blocks(const ConfigReader& config, const TensorSource& tensors,
                                    const std::string& key) {
  const bool there = std::any_of(tensors.tensors().begin(), tensors.tensors().end(),
                                 [](const StoredTensor& tensor) { return tensor.name.starts_with("mtp."); });
  nlohmann::json json = config.json();
  if (there || json.contains(key)) json[key] = there ? 1 : 0;
  return json;
}

nlohmann::json without_absent_blocks(const ConfigReader& config, const TensorSource& tensors) {
  nlohmann::json json = config.json();
  if (!config.has(kPredictionBlocks) || !config.has("num_hidden_layers") ||
      config.integer(kPredictionBlocks) <= 0)
    return json;
  const std::string block = "layers." + std::to_string(config.integer("num_hidden_layers")) + ".";
  const bool there =
      std::any_of(tensors.tensors().begin(), tensors.tensors().end(), [&](const StoredTensor& tensor) {
        const std::size_t at = tensor.name.find(block);
        return at == 0 || (at != tensor.name.npos && tensor.name[at - 1] == '.');
      });
  if (!there) json[kPredictionBlocks] = 0;
  return json;
}

}  // namespace mhub
