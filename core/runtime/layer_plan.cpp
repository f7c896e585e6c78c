// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/layer_plan.hpp"

#include "mhub/config/heterogeneous.hpp"

namespace mhub::runtime {
namespace {

/// A layer's entry in a list; `absent` when the list is empty and all layers are alike.
bool entry(const std::vector<std::int64_t>& list, std::int64_t layer, bool absent) {
  return list.empty() ? absent : list.at(static_cast<std::size_t>(layer)) != 0;
}

/// A layer of a hybrid pattern (Megatron-Core's hybrid_layer_allocation.py) has a mixer or an MLP.
void apply_symbol(char symbol, LayerPlan& plan) {
  plan.mixer = symbol == 'M'   ? LayerPlan::Mixer::mamba
               : symbol == '*' ? LayerPlan::Mixer::attention
                               : LayerPlan::Mixer::none;
  plan.mlp = symbol == '-'   ? LayerPlan::Mlp::dense
             : symbol == 'E' ? LayerPlan::Mlp::experts
                             : LayerPlan::Mlp::none;
}

/// Which blocks a layer of several sizes has.
void apply_sizes(std::int64_t groups, std::int64_t ffn, LayerPlan& plan) {
  if (groups == kNoBlock) plan.mixer = LayerPlan::Mixer::none;
  if (groups == kLinearBlock) plan.mixer = LayerPlan::Mixer::linear;
  if (ffn == kNoBlock) plan.mlp = LayerPlan::Mlp::none;
  if (ffn == kLinearBlock) plan.mlp = LayerPlan::Mlp::linear;
}

void apply_sharing(const TransformerConfig& config, std::int64_t layer, LayerPlan& plan) {
  if (const std::int64_t source = layer_with_keys_of(config, layer); source != layer) plan.keys_of = source;
  for (std::int64_t other = layer + 1; other < config.num_layers; ++other)
    plan.lends_keys = plan.lends_keys || layer_with_keys_of(config, other) == layer;
}

}  // namespace

std::string layer_symbols(const TransformerConfig& config) {
  std::string symbols = config.hybrid_layer_pattern;
  std::erase(symbols, '|');
  return symbols;
}

LayerPlan layer_plan(const TransformerConfig& config, std::int64_t layer) {
  LayerPlan plan;
  const bool windowed = has_window(config, layer);
  if (windowed) plan.window = *config.sliding_window;
  if (config.position_embedding_type != PositionEmbedding::rope ||
      entry(config.no_rope_layers, layer, false)) {
    plan.positions = LayerPlan::Positions::none;
  } else if (windowed && config.rotary_base_local) {
    plan.positions = LayerPlan::Positions::local;
  }
  if (config.shared_keys) apply_sharing(config, layer, plan);
  const bool rotates = plan.positions != LayerPlan::Positions::none;
  if (rotates) plan.chunk = config.attention_chunk_size.value_or(0);
  plan.l2_norms = config.qk_l2_norm && (rotates || !config.qk_l2_norm_rotated_only);
  plan.temperature = config.attention_temperature && (config.attention_temperature->everywhere || !rotates);
  if (!config.hybrid_layer_pattern.empty()) {
    apply_symbol(layer_symbols(config).at(static_cast<std::size_t>(layer)), plan);
    return plan;
  }
  if (config.heterogeneous) {
    const auto at = static_cast<std::size_t>(layer);
    apply_sizes(config.heterogeneous->num_query_groups.at(at), config.heterogeneous->ffn_hidden_size.at(at),
                plan);
  }
  if (config.linear_attention && entry(config.linear_attention->layer_freq, layer, false))
    plan.mixer = LayerPlan::Mixer::delta_net;
  if (config.moe && entry(config.moe->layer_freq, layer, true)) plan.mlp = LayerPlan::Mlp::experts;
  return plan;
}

}  // namespace mhub::runtime
