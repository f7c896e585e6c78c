// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/layer.hpp"

namespace mhub::runtime {

/// The first multi-token-prediction block: from what the model made of a token and from the token behind it,
/// what comes behind that one (Megatron-Core's multi_token_prediction.py; the layer is like the decoder's
/// last, or says of itself what else it is: TransformerConfig::mtp_dense, mtp_windowed). Borrows the backend.
class PredictionBlock {
 public:
  /// Whether the weights have one that this class computes: of Megatron's GPTModel, not of its HybridModel.
  static bool is_in(const Weights& weights);
  /// Throws InputError for tensors that do not fit the configuration.
  PredictionBlock(Weights& weights, Backend& backend, const TransformerConfig& config);

  /// An empty one for a sequence.
  LayerCache new_cache() const { return layer_.new_cache(); }
  /// `states` are the model's output behind its final norm, `embeddings` those of the tokens behind, [tokens,
  /// hidden_size] both; the segments have this block's caches. The result is what the output layer is given.
  Matrix run(ForwardPass& pass, Matrix embeddings, Matrix states) const;

 private:
  static Layer make_layer(Weights& weights, Backend& backend, const TransformerConfig& config);

  Norm embedding_norm_, state_norm_, final_norm_;
  Linear projection_;
  Layer layer_;
};

}  // namespace mhub::runtime
