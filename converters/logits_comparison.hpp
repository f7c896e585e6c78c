// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::converters {

/// What two checkpoints make of the same tokens.
struct LogitsComparison {
  std::int64_t tokens = 0, vocabulary = 0;
  double largest = 0;        ///< absolute logit on the left
  double difference = 0;     ///< largest absolute one; infinite where one side has a NaN or infinity
  std::int64_t choices = 0;  ///< tokens behind which the two prefer different ones
  /// The token behind which they differ most, its number in the sequence.
  std::int64_t position = 0;

  /// The difference as a share of the largest logit: what mhub states everywhere as accuracy.
  double relative() const { return difference == 0 ? 0 : difference / largest; }
};

/// The largest relative difference of two models that are the same.
inline constexpr double kLogitsTolerance = 1e-3;

/// Runs the tokens through both checkpoints, of any kinds, layouts and types; without tokens a few made-up
/// ones, the same for every checkpoint of a vocabulary. Throws InputError when the vocabularies differ or
/// generation does not support a model.
LogitsComparison compare_logits(const Checkpoint& left, const Checkpoint& right,
                                std::vector<std::int64_t> tokens, runtime::Backend& backend,
                                const std::function<bool()>& cancelled);

}  // namespace mhub::converters
