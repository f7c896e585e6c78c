// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mhub/mapping/plan.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub::runtime {

/// A part of a weight matrix that lies in one place: rows [row, row + rows) and columns [column, column +
/// columns). Element (r, c) of the part is at `data + (r * row_stride + c) * size_of(dtype)`; columns are
/// contiguous and elements aligned to their size.
struct WeightBlock {
  std::int64_t row = 0, rows = 0;
  std::int64_t column = 0, columns = 0;
  const std::byte* data = nullptr;
  std::int64_t row_stride = 0;  ///< elements
  DType dtype = DType::f32;     ///< f32, f16 or bf16
};

/// A weight matrix [rows, columns] (out x in, as nn.Linear keeps it) as the blocks that tile it exactly,
/// ordered by row, then column; blocks that share a row share all their rows. A canonical tensor is seldom
/// one run of a file: query groups interleave three tensors, gate and up are two, a row-parallel split has
/// one column range a rank. Blocks point straight into the mapped files wherever the bytes can be used as
/// they are; `storage` owns them where they cannot.
struct WeightView {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  std::vector<WeightBlock> blocks;
  std::shared_ptr<const std::byte> storage;  ///< set for a gathered copy

  bool in_place() const { return storage == nullptr; }
};

/// The view of a matrix whose one-chunk copy plan is given (compile() with a dense destination [rows,
/// columns] of the source's type): in place when every piece is a set of long enough contiguous runs of
/// mapped, aligned bytes of a type that the runtime computes with, values unchanged; otherwise with no
/// blocks.
WeightView view_in_place(const ChunkPlan& chunk, std::int64_t rows, std::int64_t columns);

/// The same matrix copied row by row into memory of its own, in the given type (f32, f16, bf16); where none
/// is given, in the stored one, or f32 for types that the runtime does not compute with. `chunk` as above.
WeightView gathered(const ChunkPlan& chunk, std::int64_t rows, std::int64_t columns,
                    std::optional<DType> dtype = {});

/// Rows [begin, begin + count) as a matrix of their own.
WeightView row_slice(const WeightView& view, std::int64_t begin, std::int64_t count);

/// The Euclidean length of every row, for a view in this process's memory.
std::vector<float> row_lengths(const WeightView& view);

/// Throws std::logic_error when the blocks do not tile the matrix. For tests and for backends that load
/// views.
void check_tiling(const WeightView& view);

}  // namespace mhub::runtime
