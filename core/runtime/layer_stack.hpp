// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "mhub/runtime/layer.hpp"

namespace mhub::runtime {

/// The layers of a transformer, "decoder.layers.0." and so on of a part of a model, as its configuration
/// describes them. Borrows the backend.
class LayerStack {
 public:
  /// Throws InputError for a layer whose tensors do not fit the configuration.
  LayerStack(const Weights& weights, Backend& backend, const TransformerConfig& config);

  std::size_t size() const { return layers_.size(); }
  /// An empty one.
  LayerCache new_cache(std::size_t layer) const { return layers_.at(layer).new_cache(); }
  /// One for each layer.
  std::vector<LayerCache> new_caches() const;
  /// Runs all layers on `hidden` in place; caches[s] are those of the pass's segment s. `between` is called
  /// behind each layer with its number, from 0; once `cancelled` is true, the pass ends with Interrupted.
  void run(ForwardPass& pass, std::span<std::vector<LayerCache>* const> caches, Matrix hidden,
           const std::function<bool()>& cancelled,
           const std::function<void(std::size_t layer)>& between = {}) const;
  /// One layer, with the caches that the pass's segments have.
  void run_layer(std::size_t layer, ForwardPass& pass, Matrix hidden) const {
    layers_.at(layer).run(pass, hidden);
  }

 private:
  std::vector<Layer> layers_;
};

}  // namespace mhub::runtime
