// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/decoder_rules.hpp"

#include <numeric>

#include "mhub/mapping/pattern.hpp"

namespace mhub {
namespace {

const std::string kLayer = "decoder.layers.{i}.";

void restrict(Rule& rule, const std::optional<Layers>& layers) {
  if (layers) rule.only("i", *layers);
}

/// Operands of a weight as the state stores them.
Transform stored(Transform transform, const DecoderNames& names) {
  return names.conv1d && transform.shape.size() == 2 ? transposed(std::move(transform)) : transform;
}

/// linear_qkv's weight (`inner` is the hidden size) or bias (`inner` is empty).
Transform qkv_transform(const std::string& hf, const TransformerConfig& c, const DecoderNames& names,
                        const Shape& inner) {
  const AttentionHeads heads{c.num_attention_heads, c.num_query_groups, c.kv_channels};
  if (c.attention_output_gate) return gated_qkv(hf, heads, inner);
  if (expand_alternatives(hf).size() == 3) return qkv(hf, heads, inner);
  if (names.qkv_order == FusedOrder::concatenated) return fused_qkv(hf, heads, inner);
  Shape shape{(heads.query + 2 * heads.groups) * heads.dim};
  shape.insert(shape.end(), inner.begin(), inner.end());
  return partitioned(hf, shape, qkv_partition(heads, shape));
}

/// linear_fc1's weight or bias.
Transform fc1_transform(const std::string& hf, const TransformerConfig& c, const Shape& inner) {
  const std::int64_t f = c.ffn_hidden_size;
  Shape shape{c.gated_linear_unit ? 2 * f : f};
  shape.insert(shape.end(), inner.begin(), inner.end());
  if (!c.gated_linear_unit) return column(hf, shape);
  if (expand_alternatives(hf).size() == 2) return gated(hf, f, inner);
  return partitioned(hf, shape, gate_up_partition(shape));
}

}  // namespace

void add_norm(Mapping& map, const TransformerConfig& config, const std::string& megatron,
              const std::string& hf, const std::optional<Layers>& layers) {
  const Shape shape{config.hidden_size};
  restrict(map.rule(megatron + "weight", replicated(hf + ".weight", shape)), layers);
  if (config.normalization == Normalization::layer && config.layernorm_bias)
    restrict(map.rule(megatron + "bias", replicated(hf + ".bias", shape)), layers);
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
  const std::string attention = kLayer + "self_attention.";
  const std::int64_t h = c.hidden_size, width = c.num_attention_heads * c.kv_channels;
  if (c.pre_norms)
    add_norm(map, c, attention + "linear_qkv.layer_norm_", names.layer + names.input_norm, layers);
  const std::string hf_qkv = names.layer + names.qkv, hf_proj = names.layer + names.proj;
  restrict(map.rule(attention + "linear_qkv.weight",
                    stored(qkv_transform(hf_qkv + ".weight", c, names, {h}), names)),
           layers);
  if (c.add_qkv_bias || c.add_bias_linear)
    restrict(map.rule(attention + "linear_qkv.bias", qkv_transform(hf_qkv + ".bias", c, names, {})), layers);
  if (c.qk_layernorm) {
    const std::int64_t d = c.kv_channels;
    const bool all = c.qk_layernorm_over_heads;
    auto norm = [&](const char* megatron, const std::string& hf, std::int64_t heads) {
      // Over all heads the weight belongs to heads, but every rank keeps all of it.
      restrict(
          map.rule(attention + megatron, replicated(names.layer + hf + ".weight", {all ? heads * d : d})),
          layers);
      if (c.normalization == Normalization::layer && c.layernorm_bias) {
        const std::string bias = std::string(megatron).substr(0, std::string(megatron).rfind('.')) + ".bias";
        restrict(map.rule(attention + bias, replicated(names.layer + hf + ".bias", {all ? heads * d : d})),
                 layers);
      }
    };
    norm("q_layernorm.weight", names.q_norm, c.num_attention_heads);
    norm("k_layernorm.weight", names.k_norm, c.num_query_groups);
  }
  restrict(map.rule(attention + "linear_proj.weight", stored(row(hf_proj + ".weight", {h, width}), names)),
           layers);
  if (c.add_bias_linear || c.attention_proj_bias)
    restrict(map.rule(attention + "linear_proj.bias", replicated(hf_proj + ".bias", {h})), layers);
  // Megatron-Bridge's name for norms behind a block (bridge models/gemma/gemma2_bridge.py).
  if (c.post_norms)
    add_norm(map, c, attention + "linear_proj.post_layernorm.", names.layer + names.post_attention_norm,
             layers);
}

void add_dense_mlp(Mapping& map, const TransformerConfig& c, const DecoderNames& names,
                   const std::optional<Layers>& layers) {
  const std::string mlp = kLayer + "mlp.";
  const std::int64_t h = c.hidden_size;
  if (c.pre_norms && !c.shared_pre_norm)
    add_norm(map, c, mlp + "linear_fc1.layer_norm_", names.layer + names.pre_mlp_norm, layers);
  const std::string fc1 = names.layer + names.fc1, fc2 = names.layer + names.fc2;
  restrict(map.rule(mlp + "linear_fc1.weight", stored(fc1_transform(fc1 + ".weight", c, {h}), names)),
           layers);
  restrict(map.rule(mlp + "linear_fc2.weight", stored(row(fc2 + ".weight", {h, c.ffn_hidden_size}), names)),
           layers);
  if (c.add_bias_linear) {
    restrict(map.rule(mlp + "linear_fc1.bias", fc1_transform(fc1 + ".bias", c, {})), layers);
    restrict(map.rule(mlp + "linear_fc2.bias", replicated(fc2 + ".bias", {h})), layers);
  }
  if (c.post_norms)
    add_norm(map, c, mlp + "linear_fc2.post_layernorm.", names.layer + names.post_mlp_norm, layers);
}

Mapping decoder_mapping(const TransformerConfig& config, const DecoderNames& names) {
  Mapping map;
  add_ends(map, config, names);
  add_attention(map, config, names);
  add_dense_mlp(map, config, names);
  if (config.position_embedding_type == PositionEmbedding::rope)
    map.ignore("*.rotary_emb.inv_freq", "rotary frequencies, computed from the config");
  return map;
}

Layers layer_range(std::int64_t begin, std::int64_t end) {
  Layers layers(static_cast<std::size_t>(std::max<std::int64_t>(0, end - begin)));
  std::iota(layers.begin(), layers.end(), begin);
  return layers;
}

Layers layers_with(const std::vector<std::int64_t>& list, std::int64_t value) {
  Layers layers;
  for (std::size_t k = 0; k < list.size(); ++k) {
    if (list[k] == value) layers.push_back(static_cast<std::int64_t>(k));
  }
  return layers;
}

}  // namespace mhub
