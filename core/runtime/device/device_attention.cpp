// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_attention.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

constexpr std::int64_t kPage = LayerCache::kTokens;

/// The part of a segment's cache that its first query still sees begins with this token's page.
std::int64_t first_token(const AttentionOptions& options, const Segment& segment) {
  return first_visible(segment.position, options.window, options.chunk) / kPage * kPage;
}

std::int64_t keys_of(const CachedSegment& segment) {
  return segment.position + segment.rows - segment.first_token;
}

std::int64_t pages_of(std::int64_t keys) { return (keys + kPage - 1) / kPage; }

}  // namespace

bool has_attention_graph(Element element, const AttentionOptions& options, std::int64_t key_dim,
                         std::int64_t value_dim) {
  return element != Element::f32 && options.soft_cap == 0.0F && options.chunk == 0 && key_dim % 8 == 0 &&
         value_dim % 8 == 0 && key_dim <= 256 && value_dim <= 256;
}

PagePool& DeviceAttention::pool_of(std::int64_t numbers) {
  return pools_.try_emplace(numbers, device_, static_cast<std::size_t>(numbers * size_of(run_)))
      .first->second;
}

DeviceAttention::Call DeviceAttention::prepare(const AttentionOptions& options, Heads queries, Heads keys,
                                               Heads values, std::span<const Segment> segments, Matrix out) {
  PagePool& key_pool = pool_of(keys.groups * kPage * keys.dim);
  PagePool& value_pool = pool_of(values.groups * kPage * values.dim);
  std::vector<Segment> order(segments.begin(), segments.end());
  for (const Segment& segment : order) {
    if (!segment.together.empty())
      throw InputError("tokens of a picture that see each other: not supported on a GPU yet; use the CPU");
  }
  std::stable_partition(order.begin(), order.end(), [](const Segment& segment) { return segment.rows == 1; });

  Call call{options, queries, {}, {}, {}, 0, nullptr, nullptr, constants_.get(options.sinks), out};
  std::vector<std::int32_t> of_row(static_cast<std::size_t>(queries.tokens)), key_table, value_table;
  // All segments of one token are one batch, whose tables have equal rows.
  std::int64_t& width = call.width;
  for (const Segment& segment : order) {
    CachedSegment cached{static_cast<std::int32_t>(segment.first_row),
                         static_cast<std::int32_t>(segment.rows), segment.position,
                         first_token(options, segment), 0};
    width = std::max(width, pages_of(padded_keys(keys_of(cached))));
    call.segments.push_back(cached);
  }
  for (std::size_t k = 0; k < order.size(); ++k) {
    CachedSegment& cached = call.segments[k];
    cached.table = static_cast<std::int64_t>(key_table.size());
    std::fill_n(of_row.begin() + cached.first_row, cached.rows, static_cast<std::int32_t>(k));
    order[k].cache->grow(cached.position + cached.rows);
    for (std::int64_t token = cached.first_token; token < cached.position + cached.rows; token += kPage) {
      const LayerCache::Page& page = order[k].cache->page(token);
      key_table.push_back(key_pool.number(page.keys.get()));
      value_table.push_back(value_pool.number(page.values.get()));
    }
    key_table.resize(static_cast<std::size_t>(cached.table + width), 0);
    value_table.resize(key_table.size(), 0);
  }
  // Sequences that fill a batch up to its padded size read page 0, which exists.
  const std::size_t padded =
      static_cast<std::size_t>(padded_count(static_cast<std::int64_t>(order.size())) * width);
  key_table.resize(padded, 0);
  value_table.resize(padded, 0);

  Parcel parcel;
  const std::size_t segments_at = parcel.add(std::span<const CachedSegment>(call.segments));
  const std::size_t rows_at = parcel.add(std::span<const std::int32_t>(of_row));
  const std::size_t keys_at = parcel.add(std::span<const std::int32_t>(key_table));
  const std::size_t values_at = parcel.add(std::span<const std::int32_t>(value_table));
  const std::byte* sent = scratch_.upload("attention", parcel.bytes());
  call.device_segments = reinterpret_cast<const CachedSegment*>(sent + segments_at);
  call.segment_of_row = reinterpret_cast<const std::int32_t*>(sent + rows_at);
  call.keys = {key_pool.base(), run_, keys.groups, keys.dim,
               reinterpret_cast<const std::int32_t*>(sent + keys_at)};
  call.values = {value_pool.base(), run_, values.groups, values.dim,
                 reinterpret_cast<const std::int32_t*>(sent + values_at)};
  return call;
}

AttentionSpec DeviceAttention::spec(const Call& call, std::size_t count, std::int64_t rows) {
  AttentionSpec spec;
  spec.element = run_;
  spec.batch = padded_count(static_cast<std::int64_t>(count));
  spec.queries = padded_count(rows);
  spec.keys = call.width * kPage;
  spec.groups = call.keys.groups;
  spec.heads = call.queries.groups * call.queries.heads;
  spec.key_dim = call.keys.dim;
  spec.value_dim = call.values.dim;
  spec.key_pages = pool_of(spec.groups * kPage * spec.key_dim).capacity();
  spec.value_pages = pool_of(spec.groups * kPage * spec.value_dim).capacity();
  spec.window = call.options.window;
  spec.scale = call.options.scale;
  spec.sinks = call.sinks != nullptr;
  // cuDNN has no engine for one query with sinks (cudnn-frontend, sdpa_support_surface.h).
  if (spec.sinks) spec.queries = std::max<std::int64_t>(spec.queries, 2);
  return spec;
}

void DeviceAttention::run_graph(const Call& call, const AttentionSpec& spec, std::size_t first,
                                std::size_t count) {
  // Sequences that only fill the batch have one query and one key.
  std::vector<std::int32_t> lengths(static_cast<std::size_t>(2 * spec.batch), 1);
  for (std::size_t k = 0; k < count; ++k) {
    lengths[k] = call.segments[first + k].rows;
    lengths[static_cast<std::size_t>(spec.batch) + k] =
        static_cast<std::int32_t>(keys_of(call.segments[first + k]));
  }
  const std::int32_t* sent = scratch_.upload("lengths", std::span<const std::int32_t>(lengths));
  const auto bytes_of = [&](std::int64_t dim) {
    return static_cast<std::size_t>(spec.batch * spec.queries * spec.heads * dim * size_of(run_));
  };
  void* packed = scratch_.get("queries", bytes_of(spec.key_dim));
  void* result = scratch_.get("attended", bytes_of(spec.value_dim));
  const CachedSegment* segments = call.device_segments + first;
  const auto sequences = static_cast<std::int64_t>(count);
  const std::int64_t table = call.segments[first].table;
  device_.launch(
      PackQueriesKernel{call.queries, segments, sequences, spec.batch, spec.queries, packed, run_});
  device_.run(spec,
              AttentionOperands{packed, call.keys.base, call.values.base, sent, sent + spec.batch,
                                call.keys.tables + table, call.values.tables + table, call.sinks, result});
  device_.launch(UnpackOutputKernel{result, run_, spec.heads, spec.value_dim, segments, sequences,
                                    spec.queries, call.out});
}

void DeviceAttention::run(const AttentionOptions& options, Heads queries, Heads keys, Heads values,
                          std::span<const Segment> segments, Matrix out) {
  const Call call = prepare(options, queries, keys, values, segments, out);
  device_.launch(StoreCacheKernel{keys, call.keys, call.device_segments, call.segment_of_row});
  device_.launch(StoreCacheKernel{values, call.values, call.device_segments, call.segment_of_row});
  if (!has_attention_graph(run_, options, keys.dim, values.dim)) {
    device_.launch(AttendKernel{queries, call.keys, call.values, call.device_segments, call.segment_of_row,
                                options.scale, options.window, options.chunk, options.soft_cap, call.sinks,
                                out});
  } else {
    std::size_t first = 0;
    while (first < call.segments.size()) {
      std::size_t count = 1;
      while (call.segments[first].rows == 1 && first + count < call.segments.size() &&
             call.segments[first + count].rows == 1)
        ++count;
      run_graph(call, spec(call, count, call.segments[first].rows), first, count);
      first += count;
    }
  }
  for (const Segment& segment : segments)
    segment.cache->forget(first_visible(segment.next_position(), options.window, options.chunk));
}

}  // namespace mhub::runtime
