// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::converters {

/// What transformers makes of some tokens, layer by layer, as examples/plugin/golden.py records it.
struct GoldenStates {
  std::vector<std::int64_t> tokens;
  Shape shape;  ///< [1 + layers, tokens, hidden size]
  /// transformers' `hidden_states`: the embeddings and what leaves each layer, of the last one behind the
  /// final norm (transformers/utils/generic.py).
  std::vector<float> hidden;
  std::int64_t vocabulary = 0;
  std::vector<float> logits;  ///< [tokens, vocabulary]
};
/// Throws InputError for a file that is not one of golden.py's, IoError.
GoldenStates read_golden(const std::string& path);

/// How far mhub is from them behind one layer.
struct LayerDifference {
  std::string place;      ///< "embeddings", "layer 3", "layer 11 and final norm", "logits"
  double difference = 0;  ///< the largest, as a share of the largest number there; infinite for a NaN
};

/// All places, in the order in which a model computes them. Where Megatron counts more layers than
/// transformers (an attention and an MLP each), those that end one of transformers' are compared; where the
/// counts do not divide, only the ends. Throws InputError when the states are those of a model of other sizes
/// or when generation does not support the model, Interrupted.
std::vector<LayerDifference> compare_layers(const Checkpoint& checkpoint, const GoldenStates& golden,
                                            runtime::Backend& backend,
                                            const std::function<bool()>& cancelled);

}  // namespace mhub::converters
