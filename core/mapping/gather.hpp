// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/plan.hpp"

namespace mhub {

/// Makes windows of destination chunks from the bytes on disk. One per thread: it owns the scratch memory,
/// which is at most a few times the largest window asked for.
class WindowReader {
 public:
  /// Fills `out` with elements [begin, begin + count) of the chunk, with what it adds, cast to its type;
  /// `out` is exactly that large.
  void read(const ChunkPlan& chunk, std::int64_t begin, std::int64_t count, std::span<std::byte> out);

 private:
  void read_part(const CopyTerm& term, const Box& part, std::int64_t begin, std::size_t size,
                 std::span<std::byte> out);

  std::vector<std::byte> scratch_;
  std::vector<std::byte> uncast_;
};

/// How many elements to ask a WindowReader for at a time: short windows that stay in the processor's cache
/// where the chunk is made of long runs, long ones where many short reads must be amortised.
std::int64_t window_elements(const ChunkPlan& chunk);

}  // namespace mhub
