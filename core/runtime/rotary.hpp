// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mhub/plugin/vision_parts.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::runtime {

/// Where a token stands: its place in the sequence, and the row and column of a picture's. On a text's tokens
/// all three are equal.
using TokenPosition = std::array<std::int64_t, 3>;

/// The tokens of a picture from a position of the sequence on, row by row.
struct TokenGrid {
  std::int64_t position = 0, rows = 0, columns = 0;
};

/// Of tokens [first, first + count) of a sequence that has these pictures, in their order. A picture's tokens
/// share their place, which their rows and columns are counted from; what comes behind goes on from the
/// largest of them (transformers' get_rope_index of Qwen2-VL and its successors).
std::vector<TokenPosition> token_positions(std::int64_t first, std::int64_t count,
                                           std::span<const TokenGrid> pictures);

/// Rotated dimensions of a head: kv_channels * rotary_percent, or latent attention's rotated part.
std::int64_t rotary_dim(const TransformerConfig& config);

/// Rotary position embedding with every scaling of transformers' modeling_rope_utils.py, computed in float32
/// as there, so that angles at far positions round alike.
class Rotary {
 public:
  /// `axes`: pairs turn with different positions of a token. Throws InputError when there are not as many as
  /// pairs.
  explicit Rotary(const TransformerConfig& config, const std::optional<MultiAxisRotary>& axes = {});
  /// The embedding of layers with a window where they have one of their own: another base, no scaling.
  static Rotary local(TransformerConfig config);

  /// rotary_dim() of the configuration.
  std::int64_t dim() const { return dim_; }
  /// Inverse frequencies, dim() / 2 of them, when the longest sequence of a forward pass has `length` tokens
  /// (dynamic and longrope scaling depend on it).
  std::vector<float> frequencies(std::int64_t length) const;
  /// Appends the angles of tokens of a sequence of `length` tokens.
  void append(std::span<const TokenPosition> tokens, std::int64_t length, RotaryAngles& angles) const;
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
  std::vector<std::size_t> axes_;  ///< a pair's number in TokenPosition
  std::vector<float> fixed_;       ///< of the kinds that do not depend on the length
};

}  // namespace mhub::runtime
