// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/work_order.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace mhub {
namespace {

/// What the chunks of a unit have of a source at a time, all together: about a core's L2 cache.
constexpr std::int64_t kUnitWindow = 1 << 20;
/// Shorter pieces would cost more in calls than they save.
constexpr std::int64_t kLeastWindow = 16 << 10;

/// Whether two chunks are made in one way of elements of the same tensors, which only lie elsewhere in them.
bool are_siblings(const ChunkPlan& a, const ChunkPlan& b) {
  const auto alike = [](const CopyTerm& left, const CopyTerm& right) {
    return left.bytes == right.bytes && left.byte_offset == right.byte_offset &&
           left.box.destination_offset == right.box.destination_offset && left.box.loops == right.box.loops;
  };
  return a.elements == b.elements && a.source_dtype == b.source_dtype && a.dtype == b.dtype &&
         std::equal(a.terms.begin(), a.terms.end(), b.terms.begin(), b.terms.end(), alike);
}

std::int64_t unit_window(const ChunkPlan& chunk, std::size_t chunks) {
  const auto count = static_cast<std::int64_t>(chunks);
  const std::int64_t bytes = std::max(kLeastWindow, kUnitWindow / count);
  const std::int64_t elements =
      std::max<std::int64_t>(1, bytes / static_cast<std::int64_t>(size_of(chunk.source_dtype)));
  // Whole rows, where they fit, keep the parts of a window few.
  const Loops& loops = chunk.terms[0].box.loops;
  const std::int64_t row = loops.empty() ? 1 : loops.back().extent;
  return elements > row ? elements / row * row : elements;
}

Stretch first_span(const ChunkPlan& chunk) {
  const CopyTerm& term = chunk.terms[0];
  return span_of(term.bytes, term.byte_offset, term.box, size_of(chunk.source_dtype));
}

bool take_turns(const CopyPlan& plan, const WorkUnit& unit) {
  if (unit.size() < 2) return false;
  std::vector<const ChunkPlan*> chunks;
  for (const std::size_t k : unit) chunks.push_back(&plan.chunks[k]);
  return !shared_stretches(chunks, 0, std::min(chunks[0]->elements, unit_window(*chunks[0], unit.size())))
              .empty();
}

/// Splits siblings into those that overlap in the source, and what does not take turns there into its chunks.
void add_units(const CopyPlan& plan, WorkUnit siblings, std::vector<WorkUnit>& units) {
  std::stable_sort(siblings.begin(), siblings.end(), [&](std::size_t a, std::size_t b) {
    return first_span(plan.chunks[a]).begin < first_span(plan.chunks[b]).begin;
  });
  for (std::size_t from = 0; from < siblings.size();) {
    WorkUnit unit;
    std::uint64_t end = 0;
    for (; from < siblings.size(); ++from) {
      const Stretch span = first_span(plan.chunks[siblings[from]]);
      if (!unit.empty() && span.begin >= end) break;
      end = std::max(end, span.end);
      unit.push_back(siblings[from]);
    }
    if (take_turns(plan, unit)) {
      units.push_back(std::move(unit));
    } else {
      for (const std::size_t k : unit) units.push_back({k});
    }
  }
}

std::vector<WorkUnit> units_together(const CopyPlan& plan) {
  using Key = std::tuple<const ByteSource*, std::uint64_t, std::int64_t, std::int64_t>;
  std::map<Key, std::vector<WorkUnit>> families;
  std::vector<WorkUnit> units;
  for (std::size_t k = 0; k < plan.chunks.size(); ++k) {
    const ChunkPlan& chunk = plan.chunks[k];
    if (chunk.terms.empty() || chunk.terms[0].zero()) {
      units.push_back({k});
      continue;
    }
    const CopyTerm& term = chunk.terms[0];
    const auto loops = static_cast<std::int64_t>(term.box.loops.size());
    std::vector<WorkUnit>& family = families[{term.bytes, term.byte_offset, chunk.elements, loops}];
    const auto found = std::find_if(family.begin(), family.end(), [&](const WorkUnit& unit) {
      return are_siblings(plan.chunks[unit[0]], chunk);
    });
    if (found != family.end()) {
      found->push_back(k);
    } else {
      family.push_back({k});
    }
  }
  for (auto& [key, family] : families) {
    for (WorkUnit& siblings : family) add_units(plan, std::move(siblings), units);
  }
  return units;
}

/// Where the last byte that a unit needs lies, by the names of files.
std::pair<std::string, std::uint64_t> last_place(const CopyPlan& plan, const WorkUnit& unit) {
  std::pair<std::string, std::uint64_t> last;
  for (const std::size_t k : unit) {
    const ChunkPlan& chunk = plan.chunks[k];
    for (const CopyTerm& term : chunk.terms) {
      if (term.zero()) continue;
      const Stretch span = span_of(term.bytes, term.byte_offset, term.box, size_of(chunk.source_dtype));
      last = std::max(last, {term.bytes->name(), span.end});
    }
  }
  return last;
}

bool arrives(const CopyPlan& plan) {
  return std::any_of(plan.chunks.begin(), plan.chunks.end(), [](const ChunkPlan& chunk) {
    return std::any_of(chunk.terms.begin(), chunk.terms.end(),
                       [](const CopyTerm& term) { return term.bytes->arrives(); });
  });
}

/// Sorts units by what `key` makes of them, the smallest first; equal ones by their first chunk.
template <typename Key>
void sort_by(std::vector<WorkUnit>& units, const Key& key) {
  std::vector<std::pair<decltype(key(units[0])), WorkUnit>> keyed;
  for (WorkUnit& unit : units) keyed.emplace_back(key(unit), std::move(unit));
  std::sort(keyed.begin(), keyed.end());
  for (std::size_t k = 0; k < units.size(); ++k) units[k] = std::move(keyed[k].second);
}

}  // namespace

Stretch span_of(const ByteSource* bytes, std::uint64_t first, const Box& box, std::size_t size) {
  std::int64_t last = box.source_offset;
  for (const Loop& loop : box.loops) last += (loop.extent - 1) * loop.source_stride;
  return {bytes, first + static_cast<std::uint64_t>(box.source_offset) * size,
          first + static_cast<std::uint64_t>(last + 1) * size};
}

std::vector<Stretch> shared_stretches(std::span<const ChunkPlan* const> chunks, std::int64_t begin,
                                      std::int64_t count) {
  struct Piece {
    Stretch span;
    std::uint64_t wanted = 0;
    std::size_t pieces = 1;
  };
  std::vector<Piece> pieces;
  if (chunks.empty()) return {};
  const std::size_t size = size_of(chunks[0]->source_dtype);
  for (const ChunkPlan* chunk : chunks) {
    for (const CopyTerm& term : chunk->terms) {
      if (term.zero()) continue;
      for (const Box& part : clipped(term.box, begin, begin + count))
        pieces.push_back({span_of(term.bytes, term.byte_offset, part, size),
                          static_cast<std::uint64_t>(element_count(part)) * size});
    }
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.span.bytes, a.span.begin) < std::tie(b.span.bytes, b.span.begin);
  });
  std::vector<Stretch> stretches;
  for (auto at = pieces.begin(); at != pieces.end();) {
    Piece all = *at++;
    // Elements must stay aligned in the memory that a stretch is read into.
    while (at != pieces.end() && at->span.bytes == all.span.bytes && at->span.begin <= all.span.end &&
           (at->span.begin - all.span.begin) % size == 0) {
      all.span.end = std::max(all.span.end, at->span.end);
      all.wanted += at->wanted;
      ++all.pieces;
      ++at;
    }
    if (all.pieces > 1 && all.span.end - all.span.begin <= 2 * all.wanted) stretches.push_back(all.span);
  }
  return stretches;
}

std::int64_t window_elements(const CopyPlan& plan, const WorkUnit& unit) {
  const ChunkPlan& first = plan.chunks[unit[0]];
  return unit.size() == 1 ? window_elements(first) : unit_window(first, unit.size());
}

std::vector<WorkUnit> work_units(const CopyPlan& plan, bool together) {
  std::vector<WorkUnit> units;
  if (together) {
    units = units_together(plan);
  } else {
    for (std::size_t k = 0; k < plan.chunks.size(); ++k) units.push_back({k});
  }
  if (arrives(plan)) {
    sort_by(units, [&](const WorkUnit& unit) { return last_place(plan, unit); });
  } else {
    sort_by(units, [&](const WorkUnit& unit) {
      std::int64_t bytes = 0;
      for (const std::size_t k : unit) bytes -= static_cast<std::int64_t>(byte_size(plan.chunks[k]));
      return bytes;
    });
  }
  return units;
}

}  // namespace mhub
