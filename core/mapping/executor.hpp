// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/cast_losses.hpp"

namespace mhub {

/// Bytes of a source that lie one after another.
struct Stretch {
  const ByteSource* bytes = nullptr;
  std::uint64_t begin = 0, end = 0;
};

/// Makes windows of destination chunks from the bytes on disk. One per thread: it owns the scratch memory,
/// which is at most a few times the largest window asked for.
class WindowReader {
 public:
  /// Fills `out` with elements [begin, begin + count) of the chunk, with what it adds, cast to its type;
  /// `out` is exactly that large. What the values lost in the cast is added to `losses` where that is given.
  void read(const ChunkPlan& chunk, std::int64_t begin, std::int64_t count, std::span<std::byte> out,
            CastLosses* losses = nullptr);
  /// Reads what elements [begin, begin + count) of these chunks, of one source type, share of their sources:
  /// windows that lie in there are made of it from now on.
  void hold(std::span<const ChunkPlan* const> chunks, std::int64_t begin, std::int64_t count);

 private:
  void read_part(const CopyTerm& term, const Box& part, std::int64_t begin, std::size_t size,
                 std::span<std::byte> out);
  /// Where the held bytes of this stretch are; nullptr where they are not held.
  const std::byte* held(const Stretch& wanted) const;

  std::vector<std::pair<Stretch, std::size_t>> held_;  ///< and where in held_bytes_
  std::vector<std::byte> held_bytes_;
  std::vector<std::byte> scratch_;
  std::vector<std::byte> uncast_;
};

/// How many elements to ask a WindowReader for at a time: short windows that stay in the processor's cache
/// where the chunk is made of long runs, long ones where many short reads must be amortised.
std::int64_t window_elements(const ChunkPlan& chunk);

/// How a plan is carried out.
struct ExecuteOptions {
  int jobs = 0;  ///< threads; 0 means one per processor
  /// Called from any thread after every window with the bytes just done. May throw to stop the work
  /// (an interrupt): the exception leaves `execute`.
  std::function<void(std::uint64_t)> on_bytes{};
  /// Goes on when a cast makes a finite value infinite, which else is an InputError that names the tensor.
  bool allow_overflow = true;
  /// Writes only what differs from the bytes that the sink gives back, those of an interrupted run.
  bool resume = false;
};

/// What came of a plan, for each of its chunks.
struct Executed {
  std::vector<std::string> checksums;  ///< the XXH3-128 of its bytes as written (hex)
  std::vector<CastLosses> losses;
  std::uint64_t shared_bytes = 0;  ///< that the output's files have in the blocks of the source's
};

/// Carries out a plan: reads, rearranges, casts and appends every chunk to the sink; memory use is bounded by
/// a few windows per thread. The first exception of any thread stops all and is rethrown. Does not call
/// sink.finish().
Executed execute(const CopyPlan& plan, TensorSink& sink, const ExecuteOptions& options);

/// A difference between two states.
struct Difference {
  std::string tensor;
  std::int64_t first_index = 0;  ///< row-major element number
  std::int64_t count = 0;        ///< elements that differ
  std::string left, right;       ///< the two values at first_index
  std::optional<double>
      largest;  ///< largest absolute difference; absent for types without arithmetic, and NaN
};

/// Compares what two plans would write, window by window and bit for bit. The plans must describe the same
/// destination tensors in the same order, with equal types and one chunk each.
std::vector<Difference> compare(const CopyPlan& left, const CopyPlan& right, const ExecuteOptions& options);

}  // namespace mhub
