// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/cpu_attention.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

namespace mhub::runtime {
namespace {

constexpr std::int64_t kPage = LayerCache::kTokens;
constexpr std::int64_t kQueryRows = 16;  // heads x tokens that share a pass over the keys

constexpr std::int64_t kParallelWork = 1 << 18;  // fewer multiplications are not worth waking threads for

using Row = Eigen::Map<Eigen::ArrayXf>;

/// Keys [begin, end) that a query at `position` sees.
TokenSpan visible(const AttentionOptions& options, std::span<const TokenSpan> together,
                  std::int64_t position) {
  std::int64_t first = options.window > 0 ? std::max<std::int64_t>(0, position - options.window + 1) : 0;
  if (options.chunk > 0) first = std::max(first, position / options.chunk * options.chunk);
  for (const TokenSpan& span : together) {
    if (span.begin <= position && position < span.end) return {std::min(first, span.begin), span.end};
  }
  return {first, position + 1};
}

}  // namespace

void CpuAttention::store(const Heads& keys, const Heads& values, const Segment& segment, std::int64_t group) {
  for (std::int64_t t = 0; t < segment.rows; ++t) {
    const std::int64_t token = segment.position + t, slot = token % kPage, row = segment.first_row + t;
    const LayerCache::Page& page = segment.cache->page(token);
    const float* key = keys.data + row * keys.token_stride + group * keys.group_stride;
    const float* value = values.data + row * values.token_stride + group * values.group_stride;
    float* transposed = page.keys.get() + group * keys.dim * kPage + slot;
    for (std::int64_t c = 0; c < keys.dim; ++c) transposed[c * kPage] = key[c];
    std::copy_n(value, values.dim, page.values.get() + (group * kPage + slot) * values.dim);
  }
}

void CpuAttention::softmax(float* scores, std::int64_t begin, std::int64_t end, std::int64_t count,
                           const float* sink) const {
  Row row(scores + begin, end - begin);
  const float largest = sink == nullptr ? row.maxCoeff() : std::max(*sink, row.maxCoeff());
  float sum = kernels_.exponentials(row.data(), row.size(), largest);
  if (sink != nullptr) sum += std::exp(*sink - largest);
  row *= 1.0F / sum;
  std::fill(scores, scores + begin, 0.0F);
  std::fill(scores + end, scores + count, 0.0F);
}

void CpuAttention::attend(const AttentionOptions& options, const Heads& queries, const Item& item, Matrix out,
                          std::vector<float>& scratch) const {
  const LayerCache& cache = *item.segment->cache;
  const std::int64_t key_dim = queries.dim, value_dim = cache.value_dim(), heads = queries.heads;
  const std::int64_t rows = item.tokens * heads;
  const std::int64_t first_position = item.segment->position + item.first;
  const std::span<const TokenSpan> together = item.segment->together;
  TokenSpan keys_seen = visible(options, together, first_position);
  for (std::int64_t t = 1; t < item.tokens; ++t) {
    const TokenSpan seen = visible(options, together, first_position + t);
    keys_seen = {std::min(keys_seen.begin, seen.begin), std::max(keys_seen.end, seen.end)};
  }
  const std::int64_t last = keys_seen.end;  // one past the last key
  const std::int64_t first_page = keys_seen.begin / kPage;
  const std::int64_t base = first_page * kPage, pages = (last - base + kPage - 1) / kPage;
  const std::int64_t width = pages * kPage;
  scratch.resize(static_cast<std::size_t>(rows * (key_dim + width + value_dim)));
  float* scaled = scratch.data();
  float* scores = scaled + rows * key_dim;
  float* sums = scores + rows * width;
  std::fill_n(scores, rows * (width + value_dim), 0.0F);

  const std::int64_t first_row = item.segment->first_row + item.first;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* query = queries.data + (first_row + r / heads) * queries.token_stride +
                         item.group * queries.group_stride + (r % heads) * queries.head_stride;
    for (std::int64_t c = 0; c < key_dim; ++c) scaled[r * key_dim + c] = query[c] * options.scale;
  }
  for (std::int64_t p = 0; p < pages; ++p) {
    const float* keys = cache.page(base + p * kPage).keys.get() + item.group * key_dim * kPage;
    kernels_.multiply_small(scaled, key_dim, rows, keys, kPage, key_dim, kPage, scores + p * kPage, width);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto [begin, end] = visible(options, together, first_position + r / heads);
    if (options.soft_cap > 0) {
      Row seen(scores + r * width + begin - base, end - begin);
      seen = options.soft_cap * (seen / options.soft_cap).tanh();
    }
    const float* sink =
        options.sinks.empty() ? nullptr : options.sinks.data() + item.group * heads + r % heads;
    softmax(scores + r * width, begin - base, end - base, width, sink);
  }
  for (std::int64_t p = 0; p < pages; ++p) {
    const float* values = cache.page(base + p * kPage).values.get() + item.group * kPage * value_dim;
    const std::int64_t count = std::min(kPage, last - base - p * kPage);
    kernels_.multiply_small(scores + p * kPage, width, rows, values, value_dim, count, value_dim, sums,
                            value_dim);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(
        sums + r * value_dim, value_dim,
        out.data + (first_row + r / heads) * out.stride + (item.group * heads + r % heads) * value_dim);
  }
}

void CpuAttention::run(const AttentionOptions& options, const Heads& queries, const Heads& keys,
                       const Heads& values, std::span<const Segment> segments, Matrix out) {
  const std::int64_t groups = keys.groups;
  std::vector<Item> items;
  std::int64_t work = 0;
  const std::int64_t step = std::max<std::int64_t>(1, kQueryRows / queries.heads);
  for (const Segment& segment : segments) {
    segment.cache->grow(segment.position + segment.rows);
    work += segment.rows * (segment.position + segment.rows) * groups * queries.heads * queries.dim;
    for (std::int64_t first = 0; first < segment.rows; first += step) {
      for (std::int64_t group = 0; group < groups; ++group)
        items.push_back({&segment, group, first, std::min(step, segment.rows - first)});
    }
  }
  auto for_each = [&](std::int64_t count, const auto& call) {
    if (work >= kParallelWork) return pool_.run(count, call);
    for (std::int64_t k = 0; k < count; ++k) call(k, 0);
  };
  for_each(static_cast<std::int64_t>(segments.size()) * groups, [&](std::int64_t k, int) {
    store(keys, values, segments[static_cast<std::size_t>(k / groups)], k % groups);
  });
  for_each(static_cast<std::int64_t>(items.size()), [&](std::int64_t k, int thread) {
    attend(options, queries, items[static_cast<std::size_t>(k)], out,
           scratch_[static_cast<std::size_t>(thread)]);
  });
  for (const Segment& segment : segments)
    segment.cache->forget(visible(options, {}, segment.next_position()).begin);
}

}  // namespace mhub::runtime
