// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "mhub/mapping/loop_steps.hpp"
#include "mhub/mapping/work_order.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

constexpr std::int64_t kShortWindow = 1 << 20;  // bytes; about a core's L2 cache
constexpr std::int64_t kLongWindow = 16 << 20;  // bytes
constexpr std::int64_t kDirectRun = 4096;  // bytes; shorter runs are read together and sorted out in memory
constexpr std::int64_t kTransposeBlock = 32;  // elements; 32 x 32 x 8 bytes fit L1 twice

template <typename T>
void copy_row(const T* source, T* destination, const Loop& loop) {
  if (loop.source_stride == 1 && loop.destination_stride == 1) {
    std::memcpy(destination, source, static_cast<std::size_t>(loop.extent) * sizeof(T));
    return;
  }
  for (std::int64_t i = 0; i < loop.extent; ++i)
    destination[i * loop.destination_stride] = source[i * loop.source_stride];
}

/// Two loops of which one is contiguous in the source and the other in the destination.
template <typename T>
void copy_transposed(const T* source, T* destination, const Loop& a, const Loop& b) {
  for (std::int64_t i0 = 0; i0 < a.extent; i0 += kTransposeBlock) {
    const std::int64_t i1 = std::min(a.extent, i0 + kTransposeBlock);
    for (std::int64_t j0 = 0; j0 < b.extent; j0 += kTransposeBlock) {
      const std::int64_t j1 = std::min(b.extent, j0 + kTransposeBlock);
      for (std::int64_t i = i0; i < i1; ++i) {
        const T* from = source + i * a.source_stride;
        T* to = destination + i * a.destination_stride;
        for (std::int64_t j = j0; j < j1; ++j) to[j * b.destination_stride] = from[j * b.source_stride];
      }
    }
  }
}

std::int64_t inner_run(const Box& box) {
  if (box.loops.empty()) return 1;
  const Loop& inner = box.loops.back();
  return inner.source_stride == 1 && inner.destination_stride == 1 ? inner.extent : 1;
}

template <typename T>
void copy_loops(const T* source, T* destination, std::span<const Loop> loops) {
  const bool transposed = loops.size() > 1 && loops.back().source_stride != 1;
  const std::span<const Loop> inner = loops.last(std::min<std::size_t>(loops.size(), transposed ? 2 : 1));
  for_each_step(loops.first(loops.size() - inner.size()), 0, 0, [&](std::int64_t from, std::int64_t to) {
    if (transposed) {
      copy_transposed(source + from, destination + to, inner[0], inner[1]);
    } else {
      copy_row(source + from, destination + to, inner.empty() ? Loop{1, 1, 1} : inner[0]);
    }
  });
}

/// Copies elements of `size` bytes in memory: for every combination of the loops from `source + sum
/// n*source_stride` to `destination + sum n*destination_stride` (strides in elements). Transposes go block by
/// block, so that both sides stay in cache.
void strided_copy(const std::byte* source, std::byte* destination, Loops loops, std::size_t size) {
  // The last two loops decide the speed: the one contiguous in the destination goes last, the one contiguous
  // in the source before it.
  std::sort(loops.begin(), loops.end(),
            [](const Loop& a, const Loop& b) { return a.destination_stride > b.destination_stride; });
  if (loops.size() > 2 && loops.back().source_stride != 1) {
    const auto contiguous =
        std::find_if(loops.begin(), loops.end() - 1, [](const Loop& l) { return l.source_stride == 1; });
    if (contiguous != loops.end() - 1) std::rotate(contiguous, contiguous + 1, loops.end() - 1);
  }
  // Buffers come from operator new and offsets are multiples of `size`, so these pointers are aligned.
  const auto copy = [&](auto element) {
    using T = decltype(element);
    copy_loops(reinterpret_cast<const T*>(source), reinterpret_cast<T*>(destination),
               std::span<const Loop>(loops));
  };
  switch (size) {
    case 1: return copy(std::uint8_t());
    case 2: return copy(std::uint16_t());
    case 4: return copy(std::uint32_t());
    case 8: return copy(std::uint64_t());
    default: throw std::logic_error("strided_copy: element size " + std::to_string(size));
  }
}

}  // namespace

void WindowReader::read(const ChunkPlan& chunk, std::int64_t begin, std::int64_t count,
                        std::span<std::byte> out, CastLosses* losses) {
  const std::size_t size = size_of(chunk.source_dtype);
  const bool changed = chunk.source_dtype != chunk.dtype || chunk.added != 0;
  std::span<std::byte> target = out;
  if (changed) {
    uncast_.resize(static_cast<std::size_t>(count) * size);
    target = uncast_;
  }
  for (const CopyTerm& term : chunk.terms) {
    if (term.box.destination_offset >= begin + count) break;
    if (term.box.destination_offset + destination_span(term.box) <= begin) continue;
    for (const Box& part : clipped(term.box, begin, begin + count))
      read_part(term, part, begin, size, target);
  }
  if (!changed) return;
  const auto elements = static_cast<std::size_t>(count);
  if (chunk.added != 0) {
    add_to_elements(chunk.source_dtype, uncast_.data(), chunk.dtype, out.data(), elements, chunk.added);
  } else {
    convert_elements(chunk.source_dtype, uncast_.data(), chunk.dtype, out.data(), elements);
  }
  if (losses != nullptr && joined_dtype(chunk.source_dtype, chunk.dtype) != chunk.dtype)
    losses->add(
        losses_of_cast(chunk.source_dtype, uncast_.data(), chunk.dtype, out.data(), elements, chunk.added));
}

void WindowReader::hold(std::span<const ChunkPlan* const> chunks, std::int64_t begin, std::int64_t count) {
  constexpr std::size_t kAlignment = 64;
  held_.clear();
  std::size_t all = 0;
  for (const Stretch& stretch : shared_stretches(chunks, begin, count)) {
    held_.emplace_back(stretch, all);
    const auto size = static_cast<std::size_t>(stretch.end - stretch.begin);
    all += (size + kAlignment - 1) / kAlignment * kAlignment;
  }
  held_bytes_.resize(std::max(held_bytes_.size(), all));
  for (const auto& [stretch, at] : held_)
    stretch.bytes->read(
        stretch.begin,
        std::span(held_bytes_).subspan(at, static_cast<std::size_t>(stretch.end - stretch.begin)));
}

const std::byte* WindowReader::held(const Stretch& wanted) const {
  for (const auto& [stretch, at] : held_) {
    if (stretch.bytes == wanted.bytes && stretch.begin <= wanted.begin && wanted.end <= stretch.end)
      return held_bytes_.data() + at + (wanted.begin - stretch.begin);
  }
  return nullptr;
}

void WindowReader::read_part(const CopyTerm& term, const Box& part, std::int64_t begin, std::size_t size,
                             std::span<std::byte> out) {
  auto file_offset = [&](std::int64_t element) {
    return term.byte_offset + static_cast<std::uint64_t>(element) * size;
  };
  const std::int64_t to = part.destination_offset - begin;
  if (const std::byte* at = held(span_of(term.bytes, term.byte_offset, part, size))) {
    strided_copy(at, out.data() + static_cast<std::size_t>(to) * size, part.loops, size);
    return;
  }
  const std::int64_t run = inner_run(part);
  if (run * static_cast<std::int64_t>(size) >= kDirectRun || run == element_count(part)) {
    const std::size_t bytes = static_cast<std::size_t>(run) * size;
    for_each_step(std::span(part.loops).first(part.loops.size() - (run > 1 ? 1 : 0)), part.source_offset, to,
                  [&](std::int64_t from, std::int64_t at) {
                    term.bytes->read(file_offset(from),
                                     out.subspan(static_cast<std::size_t>(at) * size, bytes));
                  });
    return;
  }
  // Short runs: read the source in its own order, in stretches of which at least half is wanted, then sort
  // out in memory. Loops are split into outer ones (one read each) and inner ones (one stretch).
  Loops loops = part.loops;
  std::sort(loops.begin(), loops.end(),
            [](const Loop& a, const Loop& b) { return a.source_stride > b.source_stride; });
  std::size_t outer = loops.size();
  std::int64_t stretch = 1;
  std::int64_t wanted = 1;
  while (outer > 0) {
    const Loop& next = loops[outer - 1];
    const std::int64_t longer = stretch + (next.extent - 1) * next.source_stride;
    if (longer > 2 * wanted * next.extent) break;
    stretch = longer;
    wanted *= next.extent;
    --outer;
  }
  const std::int64_t steps = element_count(part) / wanted;
  scratch_.resize(static_cast<std::size_t>(steps * stretch) * size);
  std::size_t filled = 0;
  const std::size_t stretch_bytes = static_cast<std::size_t>(stretch) * size;
  for_each_step(std::span<const Loop>(loops).first(outer), part.source_offset, 0,
                [&](std::int64_t from, std::int64_t) {
                  term.bytes->read(file_offset(from), std::span(scratch_).subspan(filled, stretch_bytes));
                  filled += stretch_bytes;
                });
  std::int64_t packed = stretch;
  for (std::size_t k = outer; k-- > 0;) {
    loops[k].source_stride = packed;
    packed *= loops[k].extent;
  }
  strided_copy(scratch_.data(), out.data() + static_cast<std::size_t>(to) * size, std::move(loops), size);
}

std::int64_t window_elements(const ChunkPlan& chunk) {
  std::int64_t shortest = chunk.elements;
  for (const CopyTerm& term : chunk.terms) {
    if (!term.zero()) shortest = std::min(shortest, inner_run(term.box));
  }
  const auto size = static_cast<std::int64_t>(size_of(chunk.source_dtype));
  const bool long_runs = shortest * size >= kDirectRun || shortest == chunk.elements;
  return std::max<std::int64_t>(1, (long_runs ? kShortWindow : kLongWindow) / size);
}

}  // namespace mhub
