// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/layer_stack.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/progress.hpp"
#include "mhub/config/heterogeneous.hpp"
#include "mhub/runtime/attention_block.hpp"
#include "mhub/runtime/linear_block.hpp"
#include "mhub/runtime/mlp_block.hpp"
#include "mhub/runtime/moe_block.hpp"

namespace mhub::runtime {
namespace {

/// What TransformerEngine calls the norm that it fuses into a mixer's first linear layer.
const char* fused_norm(LayerPlan::Mixer mixer) {
  switch (mixer) {
    case LayerPlan::Mixer::mamba: return "mixer.in_proj.layer_norm_";
    case LayerPlan::Mixer::linear: return "self_attention.layer_norm_";
    case LayerPlan::Mixer::delta_net: return "self_attention.in_proj.layer_norm_";
    default: return "self_attention.linear_qkv.layer_norm_";
  }
}

}  // namespace

LayerStack::LayerStack(const Weights& weights, Backend& backend, const TransformerConfig& config)
    : backend_(backend), config_(config) {
  Weights mine = weights;
  for (std::int64_t i = 0; i < config_.num_layers; ++i) layers_.push_back(make_layer(mine, i));
}

LayerStack::Layer LayerStack::make_layer(Weights& weights, std::int64_t number) const {
  const std::string prefix = "decoder.layers." + std::to_string(number) + ".";
  const TransformerConfig mine = layer_config(config_, number);
  const LayerSource source{weights, backend_, mine, number, prefix};
  const LayerPlan plan = layer_plan(config_, number);
  // TransformerEngine fuses a norm into the linear layer behind it where there is one such layer.
  auto norm = [&](const std::string& fused, const std::string& module) -> std::optional<Norm> {
    const std::string name = weights.has(prefix + module + "weight") ? prefix + module : prefix + fused;
    if (!weights.has(name + "weight")) return std::nullopt;
    return load_norm(weights, config_, name, config_.hidden_size);
  };
  Layer layer;
  layer.attention_norm = norm(fused_norm(plan.mixer), "input_layernorm.");
  const bool linear = plan.mlp == LayerPlan::Mlp::linear;
  layer.mlp_norm = norm(linear ? "mlp.layer_norm_" : "mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.");
  // A parallel layer may share one norm.
  const bool shared = config_.parallel_residual && config_.shared_pre_norm;
  const bool mixes = plan.mixer != LayerPlan::Mixer::none, feeds = plan.mlp != LayerPlan::Mlp::none;
  if (layer.attention_norm.has_value() != (mixes && config_.pre_norms) ||
      layer.mlp_norm.has_value() != (feeds && config_.pre_norms && !shared)) {
    throw InputError(
        weights.source() + ": layer " + std::to_string(number) + " does not have the norms before " +
        "attention and MLP that pre_norms = " + (config_.pre_norms ? "true" : "false") + " asks for");
  }
  layer.attention = make_attention(source, plan);
  switch (plan.mlp) {
    case LayerPlan::Mlp::none: break;
    case LayerPlan::Mlp::dense: layer.mlp = make_mlp(source); break;
    case LayerPlan::Mlp::experts: layer.mlp = make_moe(source); break;
    case LayerPlan::Mlp::linear: layer.mlp = make_linear(source, "mlp"); break;
  }
  return layer;
}

LayerCache LayerStack::new_cache(std::size_t layer) const {
  auto allocate = [&backend = backend_](std::int64_t floats) { return backend.allocate_cache_page(floats); };
  const std::unique_ptr<AttentionBlock>& attention = layers_.at(layer).attention;
  return attention ? attention->new_cache(allocate) : LayerCache(0, 0, 0, allocate);
}

std::vector<LayerCache> LayerStack::new_caches() const {
  std::vector<LayerCache> caches;
  for (std::size_t k = 0; k < layers_.size(); ++k) caches.push_back(new_cache(k));
  return caches;
}

void LayerStack::run(ForwardPass& pass, std::span<std::vector<LayerCache>* const> caches, Matrix hidden,
                     const std::function<bool()>& cancelled,
                     const std::function<void(std::size_t layer)>& between) const {
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    throw_if(cancelled);
    for (std::size_t s = 0; s < caches.size(); ++s) pass.segments[s].cache = &(*caches[s])[k];
    run_layer(k, pass, hidden);
    if (between) between(k);
  }
}

void LayerStack::run_layer(std::size_t number, ForwardPass& pass, Matrix hidden) const {
  const Layer& layer = layers_.at(number);
  if (!config_.parallel_residual) {
    if (layer.attention)
      layer.attention->run(pass, normalized(pass, layer.attention_norm, "attention input", hidden), hidden);
    if (layer.mlp) layer.mlp->run(pass, normalized(pass, layer.mlp_norm, "mlp input", hidden), hidden);
    return;
  }
  const Matrix in = normalized(pass, layer.attention_norm, "attention input", hidden);
  const Matrix mlp_in = layer.mlp_norm ? normalized(pass, layer.mlp_norm, "mlp input", hidden) : in;
  layer.attention->run(pass, in, hidden);
  layer.mlp->run(pass, mlp_in, hidden);
}

Matrix normalized(ForwardPass& pass, const std::optional<Norm>& norm, const std::string& slot,
                  Matrix hidden) {
  const Matrix out = pass.workspace.matrix(slot, hidden.rows, hidden.columns);
  if (norm) {
    pass.backend.normalize(*norm, hidden, out);
  } else {
    pass.backend.copy(hidden, out);
  }
  return out;
}

}  // namespace mhub::runtime
