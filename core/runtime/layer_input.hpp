// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// What a layer adds behind its MLP of its own embedding of a token (TransformerConfig::layer_embeddings):
/// norm(projection(act(gate(hidden)) * input)).
class LayerInput {
 public:
  explicit LayerInput(const LayerSource& source);
  void run(ForwardPass& pass, Matrix hidden) const;

 private:
  std::int64_t number_;  ///< of the layer
  Linear gate_, projection_;
  Norm norm_;
  Activation activation_;
};

/// The inputs of all layers: of each token a table's row and a projection of what the decoder begins with
/// (transformers' modeling_gemma4.py, project_per_layer_inputs).
class LayerInputs {
 public:
  LayerInputs(Weights& weights, Backend& backend, const TransformerConfig& config);
  /// [tokens, layers * size]; `hidden` are the embeddings of the tokens.
  Matrix run(ForwardPass& pass, std::span<const std::int64_t> ids, Matrix hidden) const;

 private:
  std::int64_t layers_, size_;
  WeightView table_;
  Linear projection_;
  Norm norm_;
};

}  // namespace mhub::runtime
