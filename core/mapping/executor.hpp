#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mhub/mapping/plan.hpp"
#include "mhub/store/tensor_sink.hpp"

namespace mhub {

/// How a plan is carried out.
struct ExecuteOptions {
  int jobs = 0;  ///< threads; 0 means one per processor
  /// Called from any thread after every window with the bytes just done. May throw to stop the work
  /// (an interrupt): the exception leaves `execute`.
  std::function<void(std::uint64_t)> on_bytes;
};

/// Carries out a plan: reads, rearranges, casts and appends every chunk to the sink; memory use is bounded by
/// a few windows per thread. Returns the XXH3-128 of each chunk's bytes as written (hex), parallel to
/// plan.chunks. The first exception of any thread stops all and is rethrown. Does not call sink.finish().
std::vector<std::string> execute(const CopyPlan& plan, TensorSink& sink, const ExecuteOptions& options);

/// A difference between two states.
struct Difference {
  std::string tensor;
  std::int64_t first_index = 0;  ///< row-major element number
  std::int64_t count = 0;        ///< elements that differ
  std::string left, right;       ///< the two values at first_index
};

/// Compares what two plans would write, window by window and bit for bit. The plans must describe the same
/// destination tensors in the same order, with equal types and one chunk each.
std::vector<Difference> compare(const CopyPlan& left, const CopyPlan& right, const ExecuteOptions& options);

}  // namespace mhub
