// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <vector>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/device/device.hpp"
#include "mhub/runtime/device/device_memory.hpp"
#include "mhub/runtime/device/page_pool.hpp"

namespace mhub::runtime {

/// Causal attention over paged caches on a device; arguments as Backend::attend. Keys and values are kept in
/// the run's type in pages [groups, LayerCache::kTokens, dim].
class DeviceAttention {
 public:
  DeviceAttention(Device& device, DeviceScratch& scratch, Constants& constants, Element run)
      : device_(device), scratch_(scratch), constants_(constants), run_(run) {}

  std::shared_ptr<float> allocate_page(std::int64_t numbers) { return pool_of(numbers).take(); }
  void run(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
           std::span<const Segment> segments, Matrix out);

 private:
  /// What the kernels and graphs of one call share, on the device.
  struct Call {
    const AttentionOptions& options;
    Heads queries;
    Pages keys, values;
    std::vector<CachedSegment> segments;  ///< those of one token first
    std::int64_t width = 0;               ///< pages in a row of the tables
    const CachedSegment* device_segments = nullptr;
    const std::int32_t* segment_of_row = nullptr;
    const float* sinks = nullptr;
    Matrix out;
  };
  PagePool& pool_of(std::int64_t numbers);
  Call prepare(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
               std::span<const Segment> segments, Matrix out);
  /// The graph of `count` segments, none with more than `rows` rows.
  AttentionSpec spec(const Call& call, std::size_t count, std::int64_t rows);
  void run_graph(const Call& call, const AttentionSpec& spec, std::size_t first, std::size_t count);

  Device& device_;
  DeviceScratch& scratch_;
  Constants& constants_;
  Element run_;
  std::map<std::int64_t, PagePool> pools_;  ///< by numbers in a page
};

/// Whether a graph computes attention with these options for heads of these sizes.
bool has_attention_graph(Element element, const AttentionOptions& options, std::int64_t key_dim,
                         std::int64_t value_dim);

}  // namespace mhub::runtime
