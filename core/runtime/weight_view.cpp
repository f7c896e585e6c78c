// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/weight_view.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>

#include "mhub/mapping/executor.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

/// Shorter column runs than this are gathered: a kernel would spend its time between blocks.
constexpr std::int64_t kShortestRun = 32;
/// More blocks than this are gathered, however long they are.
constexpr std::size_t kMostBlocks = 1 << 14;
constexpr std::align_val_t kAlignment{64};  // a cache line

bool computable(DType dtype) { return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16; }

/// A run of `length` elements that starts at element `at` of the row-major matrix, cut into blocks: the whole
/// rows in it are one. False when it starts or ends inside a row that it does not stay in.
bool add_run(const WeightBlock& part, std::int64_t at, std::int64_t length, std::int64_t matrix_columns,
             std::vector<WeightBlock>& blocks) {
  WeightBlock block = part;
  block.row = at / matrix_columns;
  block.column = at % matrix_columns;
  if (block.column + length <= matrix_columns) {
    block.columns = length;
  } else if (block.column == 0 && length % matrix_columns == 0) {
    block.rows = length / matrix_columns;
    block.columns = block.row_stride = matrix_columns;
  } else {
    return false;
  }
  blocks.push_back(block);
  return true;
}

/// The blocks of one affine piece; false when it cannot be used in place.
bool add_box(const Box& box, const std::byte* base, DType dtype, std::int64_t matrix_columns,
             std::vector<WeightBlock>& blocks) {
  if (box.loops.empty()) return false;
  const Loop& run = box.loops.back();
  if (run.source_stride != 1 || run.destination_stride != 1) return false;
  if (run.extent < std::min(kShortestRun, matrix_columns)) return false;
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  std::size_t outer = box.loops.size() - 1;
  WeightBlock part;
  part.rows = 1;
  part.dtype = dtype;
  part.row_stride = matrix_columns;
  if (outer > 0 && run.extent < matrix_columns && box.loops[outer - 1].destination_stride == matrix_columns) {
    --outer;  // a column range of consecutive rows
    part.rows = box.loops[outer].extent;
    part.row_stride = box.loops[outer].source_stride;
  }
  std::vector<std::int64_t> counter(outer, 0);
  for (;;) {
    std::int64_t from = box.source_offset, to = box.destination_offset;
    for (std::size_t k = 0; k < outer; ++k) {
      from += counter[k] * box.loops[k].source_stride;
      to += counter[k] * box.loops[k].destination_stride;
    }
    part.data = base + from * size;
    if (blocks.size() >= kMostBlocks || !add_run(part, to, run.extent, matrix_columns, blocks)) return false;
    std::size_t k = outer;
    while (k > 0 && ++counter[k - 1] == box.loops[k - 1].extent) counter[--k] = 0;
    if (k == 0) return true;
  }
}

/// The bytes of a term in memory, checked against the file's length; nullptr when they cannot be had.
const std::byte* mapped(const CopyTerm& term, DType dtype) {
  if (term.bytes == nullptr) return nullptr;
  const std::span<const std::byte> bytes = term.bytes->map();
  std::int64_t last = term.box.source_offset;
  for (const Loop& loop : term.box.loops) last += (loop.extent - 1) * loop.source_stride;
  const std::uint64_t end = term.byte_offset + (static_cast<std::uint64_t>(last) + 1) * size_of(dtype);
  if (bytes.empty() || end > bytes.size()) return nullptr;
  const std::byte* base = bytes.data() + term.byte_offset;
  return reinterpret_cast<std::uintptr_t>(base) % size_of(dtype) == 0 ? base : nullptr;
}

/// Cuts blocks until those that share a row share all their rows, and orders them.
void make_bands(std::vector<WeightBlock>& blocks) {
  std::vector<std::int64_t> borders;
  for (const WeightBlock& block : blocks) borders.insert(borders.end(), {block.row, block.row + block.rows});
  std::sort(borders.begin(), borders.end());
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    const std::int64_t border = *std::upper_bound(borders.begin(), borders.end(), blocks[k].row);
    const std::int64_t kept = border - blocks[k].row;
    if (kept >= blocks[k].rows) continue;
    WeightBlock rest = blocks[k];
    rest.row = border;
    rest.rows -= kept;
    rest.data += static_cast<std::size_t>(kept * rest.row_stride) * size_of(rest.dtype);
    blocks[k].rows = kept;
    blocks.push_back(rest);
  }
  std::sort(blocks.begin(), blocks.end(), [](const WeightBlock& a, const WeightBlock& b) {
    return a.row != b.row ? a.row < b.row : a.column < b.column;
  });
}

}  // namespace

WeightView view_in_place(const ChunkPlan& chunk, std::int64_t rows, std::int64_t columns) {
  WeightView view{{}, rows, columns, {}, nullptr};
  if (!computable(chunk.source_dtype) || chunk.added != 0) return view;
  std::vector<WeightBlock> blocks;
  for (const CopyTerm& term : chunk.terms) {
    const std::byte* base = mapped(term, chunk.source_dtype);
    if (base == nullptr || !add_box(term.box, base, chunk.source_dtype, columns, blocks)) return view;
  }
  make_bands(blocks);
  view.blocks = std::move(blocks);
  return view;
}

WeightView gathered(const ChunkPlan& chunk, std::int64_t rows, std::int64_t columns,
                    std::optional<DType> dtype) {
  ChunkPlan plan = chunk;
  plan.dtype = dtype.value_or(computable(chunk.source_dtype) ? chunk.source_dtype : DType::f32);
  const std::size_t size = size_of(plan.dtype);
  const std::size_t bytes = static_cast<std::size_t>(plan.elements) * size;
  auto* memory = static_cast<std::byte*>(::operator new(bytes, kAlignment));
  WeightView view{{}, rows, columns, {{0, rows, 0, columns, memory, columns, plan.dtype}}, nullptr};
  view.storage.reset(memory,
                     [](const std::byte* p) { ::operator delete(const_cast<std::byte*>(p), kAlignment); });
  WindowReader reader;
  const std::int64_t step = window_elements(plan);
  for (std::int64_t begin = 0; begin < plan.elements; begin += step) {
    const std::int64_t count = std::min(step, plan.elements - begin);
    reader.read(plan, begin, count,
                {memory + static_cast<std::size_t>(begin) * size, static_cast<std::size_t>(count) * size});
  }
  return view;
}

WeightView row_slice(const WeightView& view, std::int64_t begin, std::int64_t count) {
  WeightView slice{view.name, count, view.columns, {}, view.storage};
  for (const WeightBlock& block : view.blocks) {
    const std::int64_t first = std::max(begin, block.row);
    const std::int64_t last = std::min(begin + count, block.row + block.rows);
    if (first >= last) continue;
    WeightBlock part = block;
    part.data += static_cast<std::size_t>((first - block.row) * block.row_stride) * size_of(block.dtype);
    part.row = first - begin;
    part.rows = last - first;
    slice.blocks.push_back(part);
  }
  return slice;
}

std::vector<float> row_lengths(const WeightView& view) {
  std::vector<double> squares(static_cast<std::size_t>(view.rows));
  std::vector<float> values(static_cast<std::size_t>(view.columns));
  for (const WeightBlock& block : view.blocks) {
    for (std::int64_t r = 0; r < block.rows; ++r) {
      convert_elements(
          block.dtype, block.data + static_cast<std::size_t>(r * block.row_stride) * size_of(block.dtype),
          DType::f32, reinterpret_cast<std::byte*>(values.data()), static_cast<std::size_t>(block.columns));
      double& sum = squares[static_cast<std::size_t>(block.row + r)];
      for (std::int64_t c = 0; c < block.columns; ++c) {
        const auto value = static_cast<double>(values[static_cast<std::size_t>(c)]);
        sum += value * value;
      }
    }
  }
  std::vector<float> lengths;
  for (const double square : squares) lengths.push_back(static_cast<float>(std::sqrt(square)));
  return lengths;
}

void check_tiling(const WeightView& view) {
  std::int64_t elements = 0;
  for (std::size_t k = 0; k < view.blocks.size(); ++k) {
    const WeightBlock& a = view.blocks[k];
    elements += a.rows * a.columns;
    if (a.row < 0 || a.column < 0 || a.row + a.rows > view.rows || a.column + a.columns > view.columns)
      throw std::logic_error(view.name + ": a block reaches outside the matrix");
    for (std::size_t j = k + 1; j < view.blocks.size() && view.blocks[j].row < a.row + a.rows; ++j) {
      const WeightBlock& b = view.blocks[j];
      if (b.column < a.column + a.columns && a.column < b.column + b.columns)
        throw std::logic_error(view.name + ": blocks overlap");
    }
  }
  if (elements != view.rows * view.columns)
    throw std::logic_error(view.name + ": blocks do not cover the matrix");
}

}  // namespace mhub::runtime
