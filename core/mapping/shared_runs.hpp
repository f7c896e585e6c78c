// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/plan.hpp"

namespace mhub {

/// Bytes of a chunk that lie in a row in a file of the source, too.
struct SharedRun {
  const ByteSource* bytes = nullptr;
  std::uint64_t from = 0;  ///< their place there
  std::uint64_t at = 0;    ///< and in the chunk
  std::uint64_t size = 0;
};

/// The runs of a chunk whose blocks its file may share with the source's, in the order of `at`: those of
/// values that stay as they are, and long enough that sharing them costs less than copying.
std::vector<SharedRun> shared_runs(const ChunkPlan& chunk);

/// Where in a block of its file (kFileBlock) a chunk must begin so that most of these bytes begin at the same
/// place of a block there and in the source; -1 where there are none.
int best_phase(const ChunkPlan& chunk);

}  // namespace mhub
