// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mhub/runtime/block.hpp"
#include "mhub/runtime/kv_cache.hpp"
#include "mhub/runtime/layer_input.hpp"
#include "mhub/runtime/layer_plan.hpp"

namespace mhub::runtime {

/// One layer of a transformer: what runs in front of each block, and the blocks, of which a hybrid model's
/// layers have one. Borrows the backend.
class Layer {
 public:
  /// Throws InputError for a layer whose tensors do not fit the configuration.
  Layer(const LayerSource& source, const LayerPlan& plan);

  /// An empty one for a sequence.
  LayerCache new_cache() const;
  /// Runs on `hidden` in place, with the caches that the pass's segments have.
  void run(ForwardPass& pass, Matrix hidden) const;

 private:
  void run_blocks(ForwardPass& pass, Matrix hidden) const;

  Backend& backend_;
  bool parallel_;  ///< attention and MLP both begin with the layer's input
  std::optional<Norm> attention_norm_, mlp_norm_;
  std::unique_ptr<AttentionBlock> attention_;
  std::unique_ptr<Block> mlp_;
  std::optional<LayerInput> input_;
  float scalar_ = 1.0F;  ///< TransformerConfig::layer_scalar
};

/// norm(hidden), or hidden itself without one, in the workspace's matrix of that name.
Matrix normalized(ForwardPass& pass, const std::optional<Norm>& norm, const std::string& slot, Matrix hidden);

}  // namespace mhub::runtime
