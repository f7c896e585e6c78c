// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"

namespace mhub::runtime {

/// Attention over paged caches on a CPU, causal but for what a segment has together; arguments as
/// Backend::attend. Keeps its scratch memory between calls.
class CpuAttention {
 public:
  CpuAttention(ThreadPool& pool, const Kernels& kernels)
      : pool_(pool), kernels_(kernels), scratch_(static_cast<std::size_t>(pool.threads())) {}

  void run(const AttentionOptions& options, const Heads& queries, const Heads& keys, const Heads& values,
           std::span<const Segment> segments, Matrix out);

 private:
  /// Some query tokens of one segment and one group.
  struct Item {
    const Segment* segment;
    std::int64_t group, first, tokens;
  };
  static void store(const Heads& keys, const Heads& values, const Segment& segment, std::int64_t group);
  /// Softmax over entries [begin, end) of a row of `count` scores, and the sink if any; the others become 0.
  void softmax(float* scores, std::int64_t begin, std::int64_t end, std::int64_t count,
               const float* sink) const;
  void attend(const AttentionOptions& options, const Heads& queries, const Item& item, Matrix out,
              std::vector<float>& scratch) const;

  ThreadPool& pool_;
  const Kernels& kernels_;
  std::vector<std::vector<float>> scratch_;  ///< per thread
};

}  // namespace mhub::runtime
