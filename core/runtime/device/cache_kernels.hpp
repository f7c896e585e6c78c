// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/device/head_kernels.hpp"
#include "mhub/runtime/kv_cache.hpp"

namespace mhub::runtime {

// Kernels of attention over paged caches; see matrix_kernels.hpp for what a kernel is.

/// A segment (backend.hpp) with the part of its cache that its queries see, which begins with a whole page.
struct CachedSegment {
  std::int32_t first_row = 0, rows = 0;
  std::int64_t position = 0;     ///< of its first new token
  std::int64_t first_token = 0;  ///< of the first page; a multiple of LayerCache::kTokens
  std::int64_t table = 0;        ///< where its row of the page tables begins
};

/// The first token that a query at `position` sees: of the last `window` tokens, and of its own chunk of
/// `chunk` tokens (0: no such limit).
MHUB_HOST_DEVICE inline std::int64_t first_visible(std::int64_t position, std::int64_t window,
                                                   std::int64_t chunk) {
  const std::int64_t in_window = window > 0 && position >= window ? position - window + 1 : 0;
  const std::int64_t in_chunk = chunk > 0 ? position / chunk * chunk : 0;
  return in_window > in_chunk ? in_window : in_chunk;
}

/// Pages of keys or of values, each [groups, LayerCache::kTokens, dim].
struct Pages {
  std::byte* base = nullptr;  ///< of page 0
  Element element = Element::f32;
  std::int64_t groups = 0, dim = 0;
  const std::int32_t* tables = nullptr;  ///< per segment, the numbers of its pages

  /// Index of the first of the `dim` elements of a token, counted from `base`.
  MHUB_HOST_DEVICE std::int64_t index(const CachedSegment& segment, std::int64_t token,
                                      std::int64_t group) const {
    const std::int64_t page = tables[segment.table + (token - segment.first_token) / LayerCache::kTokens];
    const std::int64_t slot = token % LayerCache::kTokens;
    return ((page * groups + group) * LayerCache::kTokens + slot) * dim;
  }
};

/// Puts new keys or values (one head a group) into their pages.
struct StoreCacheKernel {
  static constexpr const char* kName = "store cache";
  Heads from;
  Pages pages;
  const CachedSegment* segments;
  const std::int32_t* segment_of_row;

  MHUB_HOST_DEVICE std::int64_t items() const { return count_of(from); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const HeadIndex index = HeadIndex::at(item, from);
    const CachedSegment& segment = segments[segment_of_row[index.token]];
    const std::int64_t to =
        pages.index(segment, segment.position + index.token - segment.first_row, index.group);
    const float* head = head_at(from, index);
    for (std::int64_t c = group.lane(); c < from.dim; c += group.lanes())
      store(pages.base, pages.element, to + c, head[c]);
  }
};

/// Queries of some segments as a dense tensor [batch, queries, heads, dim] of a 16-bit type: segment b's
/// rows, zeros below them and in a batch beyond the segments.
struct PackQueriesKernel {
  static constexpr const char* kName = "pack queries";
  Heads from;
  const CachedSegment* segments;
  std::int64_t count;           ///< of segments
  std::int64_t batch, queries;  ///< at least `count`, at least every segment's rows
  void* out;
  Element element;

  MHUB_HOST_DEVICE std::int64_t items() const { return batch * queries * from.groups * from.heads; }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    HeadIndex index = HeadIndex::at(item, from);  // its token: place in the padded tensor
    const std::int64_t b = index.token / queries, query = index.token % queries;
    const bool real = b < count && query < segments[b].rows;
    if (real) index.token = segments[b].first_row + query;
    const float* head = head_at(from, index);
    for (std::int64_t c = group.lane(); c < from.dim; c += group.lanes())
      store(out, element, item * from.dim + c, real ? head[c] : 0.0F);
  }
};

/// The inverse for attention's output, [batch, queries, heads, dim] to rows of a matrix [tokens, heads *
/// dim].
struct UnpackOutputKernel {
  static constexpr const char* kName = "unpack output";
  const void* in;
  Element element;
  std::int64_t heads, dim;
  const CachedSegment* segments;
  std::int64_t count, queries;
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return count * queries * heads; }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const std::int64_t head = item % heads, query = item / heads % queries;
    const CachedSegment& segment = segments[item / heads / queries];
    if (query >= segment.rows) return;
    float* to = out.data + (segment.first_row + query) * out.stride + head * dim;
    for (std::int64_t c = group.lane(); c < dim; c += group.lanes())
      to[c] = load(in, element, item * dim + c);
  }
};

/// Attention in float32 for whatever the graphs do not cover: one query head of one token an item, its keys
/// one after another (online softmax, Milakov and Gimelshein 2018, arXiv 1805.02867). The sums live in `out`.
struct AttendKernel {
  static constexpr const char* kName = "attend";
  Heads queries;
  Pages keys, values;
  const CachedSegment* segments;
  const std::int32_t* segment_of_row;
  float scale;
  std::int64_t window, chunk;  ///< 0: none
  float soft_cap;              ///< 0: none
  const float* sinks;          ///< per query head; nullptr: none
  Matrix out;

  MHUB_HOST_DEVICE std::int64_t items() const { return count_of(queries); }
  template <typename Group>
  MHUB_HOST_DEVICE void operator()(std::int64_t item, const Group& group) const {
    const HeadIndex index = HeadIndex::at(item, queries);
    const CachedSegment& segment = segments[segment_of_row[index.token]];
    const std::int64_t head = index.group * queries.heads + index.head;
    const std::int64_t position = segment.position + index.token - segment.first_row;
    const std::int64_t first = first_visible(position, window, chunk);
    const float* query = head_at(queries, index);
    float* sums = out.data + index.token * out.stride + head * values.dim;
    for (std::int64_t c = group.lane(); c < values.dim; c += group.lanes()) sums[c] = 0.0F;
    float largest = sinks != nullptr ? sinks[head] : -INFINITY;
    float total = sinks != nullptr ? 1.0F : 0.0F;
    for (std::int64_t token = first; token <= position; ++token) {
      const float score = this->score(query, keys.index(segment, token, index.group), group);
      const float next = score > largest ? score : largest;
      const float keep = expf(largest - next), weight = expf(score - next);
      const std::int64_t value = values.index(segment, token, index.group);
      for (std::int64_t c = group.lane(); c < values.dim; c += group.lanes())
        sums[c] = sums[c] * keep + weight * load(values.base, values.element, value + c);
      total = total * keep + weight;
      largest = next;
    }
    for (std::int64_t c = group.lane(); c < values.dim; c += group.lanes()) sums[c] /= total;
  }

 private:
  template <typename Group>
  MHUB_HOST_DEVICE float score(const float* query, std::int64_t key, const Group& group) const {
    float sum = 0.0F;
    for (std::int64_t c = group.lane(); c < keys.dim; c += group.lanes())
      sum += query[c] * load(keys.base, keys.element, key + c);
    sum = group.sum(sum) * scale;
    return soft_cap > 0.0F ? soft_cap * tanhf(sum / soft_cap) : sum;
  }
};

}  // namespace mhub::runtime
