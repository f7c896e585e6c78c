// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/layer_stack.hpp"

#include "mhub/base/progress.hpp"
#include "mhub/config/heterogeneous.hpp"

namespace mhub::runtime {

LayerStack::LayerStack(const Weights& weights, Backend& backend, const TransformerConfig& config) {
  Weights mine = weights;
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    const TransformerConfig of_layer = layer_config(config, i);
    const LayerSource source{mine, backend, of_layer, i, "decoder.layers." + std::to_string(i) + "."};
    layers_.emplace_back(source, layer_plan(config, i));
  }
}

std::vector<LayerCache> LayerStack::new_caches() const {
  std::vector<LayerCache> caches;
  for (const Layer& layer : layers_) caches.push_back(layer.new_cache());
  return caches;
}

void LayerStack::run(ForwardPass& pass, std::span<std::vector<LayerCache>* const> caches, Matrix hidden,
                     const std::function<bool()>& cancelled,
                     const std::function<void(std::size_t layer)>& between) const {
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    throw_if(cancelled);
    for (std::size_t s = 0; s < caches.size(); ++s) pass.segments[s].cache = &(*caches[s])[k];
    layers_[k].run(pass, hidden);
    if (between) between(k);
  }
}

}  // namespace mhub::runtime
