// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/device_weights.hpp"

#include <algorithm>
#include <cstring>

#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

/// Rows [first, first + count) of a matrix, dense and in another type.
void copy_rows(const WeightView& view, std::int64_t first, std::int64_t count, DType dtype, std::byte* to) {
  const auto element = static_cast<std::int64_t>(size_of(dtype));
  for (const WeightBlock& block : view.blocks) {
    const std::int64_t begin = std::max(first, block.row),
                       end = std::min(first + count, block.row + block.rows);
    const auto size = static_cast<std::int64_t>(size_of(block.dtype));
    for (std::int64_t r = begin; r < end; ++r) {
      const std::byte* from = block.data + (r - block.row) * block.row_stride * size;
      std::byte* row = to + ((r - first) * view.columns + block.column) * element;
      const auto columns = static_cast<std::size_t>(block.columns);
      if (block.dtype == dtype) {
        std::memcpy(row, from, columns * static_cast<std::size_t>(size));
      } else {
        convert_elements(block.dtype, from, dtype, row, columns);
      }
    }
  }
}

}  // namespace

DType dtype_of(Element element) {
  return element == Element::f32 ? DType::f32 : element == Element::f16 ? DType::f16 : DType::bf16;
}

Element element_of(DType dtype) {
  return dtype == DType::f16 ? Element::f16 : dtype == DType::bf16 ? Element::bf16 : Element::f32;
}

Element stored_element(const WeightView& view) {
  const DType first = view.blocks.front().dtype;
  const bool same = std::all_of(view.blocks.begin(), view.blocks.end(),
                                [&](const WeightBlock& block) { return block.dtype == first; });
  return same ? element_of(first) : Element::f32;
}

WeightView upload(Device& device, const WeightView& view, Element element) {
  const DType dtype = dtype_of(element);
  const std::size_t row_bytes = static_cast<std::size_t>(view.columns) * size_of(dtype);
  const std::shared_ptr<std::byte> memory = device.allocate(static_cast<std::size_t>(view.rows) * row_bytes);
  device.upload_rows(
      view.rows, row_bytes,
      [&](std::int64_t first, std::span<std::byte> rows) {
        copy_rows(view, first, static_cast<std::int64_t>(rows.size() / row_bytes), dtype, rows.data());
      },
      memory.get());
  return {view.name,
          view.rows,
          view.columns,
          {{0, view.rows, 0, view.columns, memory.get(), view.columns, dtype}},
          memory};
}

}  // namespace mhub::runtime
