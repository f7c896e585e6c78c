// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/mapping/executor.hpp"

namespace mhub::converters {

struct VerifyOptions {
  int jobs = 0;
  bool cast = false;  ///< where types differ, cast the left to the right's type first (exactly that rounding)
  bool quiet = false;
};

struct VerifyReport {
  std::size_t tensors = 0;  ///< compared: canonical tensors, and stored copies of both sides
  std::uint64_t bytes = 0;
  std::vector<Difference> differences;
};

/// Compares two checkpoints bit for bit through the mapping: every canonical tensor, and then every stored
/// copy (replicas on ranks, tied embeddings of the last stage) against what it copies. Throws InputError when
/// they are not the same model.
VerifyReport verify(const Checkpoint& left, const Checkpoint& right, const VerifyOptions& options);

}  // namespace mhub::converters
