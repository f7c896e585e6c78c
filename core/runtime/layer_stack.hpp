// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mhub/runtime/block.hpp"
#include "mhub/runtime/kv_cache.hpp"

namespace mhub::runtime {

/// The layers of a transformer, "decoder.layers.0." and so on of a part of a model, as its configuration
/// describes them. Borrows the backend.
class LayerStack {
 public:
  /// Throws InputError for a layer whose tensors do not fit the configuration.
  LayerStack(const Weights& weights, Backend& backend, const TransformerConfig& config);

  std::size_t size() const { return layers_.size(); }
  /// An empty one.
  LayerCache new_cache(std::size_t layer) const;
  /// One for each layer.
  std::vector<LayerCache> new_caches() const;
  /// Runs all layers on `hidden` in place; caches[s] are those of the pass's segment s. `between` is called
  /// behind each layer with its number, from 0; once `cancelled` is true, the pass ends with Interrupted.
  void run(ForwardPass& pass, std::span<std::vector<LayerCache>* const> caches, Matrix hidden,
           const std::function<bool()>& cancelled,
           const std::function<void(std::size_t layer)>& between = {}) const;
  /// One layer, with the caches that the pass's segments have.
  void run_layer(std::size_t layer, ForwardPass& pass, Matrix hidden) const;

 private:
  /// One layer: what runs in front of each block and the blocks, of which a hybrid model's layers have one.
  struct Layer {
    std::optional<Norm> attention_norm, mlp_norm;
    std::unique_ptr<AttentionBlock> attention;
    std::unique_ptr<Block> mlp;
  };
  Layer make_layer(Weights& weights, std::int64_t number) const;

  Backend& backend_;
  TransformerConfig config_;
  std::vector<Layer> layers_;
};

/// norm(hidden), or hidden itself without one, in the workspace's matrix of that name.
Matrix normalized(ForwardPass& pass, const std::optional<Norm>& norm, const std::string& slot, Matrix hidden);

}  // namespace mhub::runtime
