// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "mhub/config/transformer_config.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::runtime {

/// Rotated dimensions of a head: kv_channels * rotary_percent, or latent attention's rotated part.
std::int64_t rotary_dim(const TransformerConfig& config);

/// Rotary position embedding with every scaling of transformers' modeling_rope_utils.py, computed in float32
/// as there, so that angles at far positions round alike.
class Rotary {
 public:
  explicit Rotary(const TransformerConfig& config);
  /// The embedding of layers with a window where they have one of their own: another base, no scaling.
  static Rotary local(TransformerConfig config);

  /// rotary_dim() of the configuration.
  std::int64_t dim() const { return dim_; }
  /// Inverse frequencies, dim() / 2 of them, when the longest sequence of a forward pass has `length` tokens
  /// (dynamic and longrope scaling depend on it).
  std::vector<float> frequencies(std::int64_t length) const;
  /// Appends the angles of positions [first, first + count) of a sequence of `length` tokens.
  void append(std::int64_t first, std::int64_t count, std::int64_t length, RotaryAngles& angles) const;
  /// Whether a sequence that grows to `length` tokens gets other frequencies at all its positions, so that it
  /// has to run anew: longrope, where it leaves the original context (transformers modeling_phi3.py,
  /// prepare_inputs_for_generation). With dynamic scaling transformers keeps what it has.
  bool restarts_at(std::int64_t length) const {
    return config_.rope_scaling.type == RopeKind::longrope &&
           length == config_.rope_scaling.original_max_position_embeddings + 1;
  }
  /// Cosines and sines are multiplied by this (yarn, longrope).
  double attention_factor() const { return attention_factor_; }

 private:
  TransformerConfig config_;
  std::int64_t dim_;
  double attention_factor_ = 1.0;
  bool interleaved_;
  std::vector<float> fixed_;  ///< of the kinds that do not depend on the length
};

}  // namespace mhub::runtime
