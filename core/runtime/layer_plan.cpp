#include "mhub/runtime/layer_plan.hpp"

namespace mhub::runtime {
namespace {

/// A layer's entry in a list; `absent` when the list is empty and all layers are alike.
bool entry(const std::vector<std::int64_t>& list, std::int64_t layer, bool absent) {
  return list.empty() ? absent : list.at(static_cast<std::size_t>(layer)) != 0;
}

}  // namespace

LayerPlan layer_plan(const TransformerConfig& config, std::int64_t layer) {
  LayerPlan plan;
  const bool windowed = config.sliding_window && entry(config.window_layers, layer, true);
  if (windowed) plan.window = *config.sliding_window;
  if (config.position_embedding_type != "rope" || entry(config.no_rope_layers, layer, false)) {
    plan.positions = LayerPlan::Positions::none;
  } else if (windowed && config.rotary_base_local) {
    plan.positions = LayerPlan::Positions::local;
  }
  const bool rotates = plan.positions != LayerPlan::Positions::none;
  if (rotates) plan.chunk = config.attention_chunk_size.value_or(0);
  plan.l2_norms = config.qk_l2_norm && (rotates || !config.qk_l2_norm_rotated_only);
  plan.temperature = config.attention_temperature && (config.attention_temperature->everywhere || !rotates);
  plan.linear_attention = config.linear_attention && entry(config.linear_attention->layer_freq, layer, false);
  plan.experts = config.moe && entry(config.moe->layer_freq, layer, true);
  return plan;
}

}  // namespace mhub::runtime
