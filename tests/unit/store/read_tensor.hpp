// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "mhub/store/tensor_source.hpp"

namespace mhub::tests {

/// Copies axis `axis` and all inner ones of a chunk to its place in the row-major tensor at `out`.
inline void copy_axis(const StoredTensor& tensor, const StoredChunk& chunk, std::size_t axis,
                      std::uint64_t from, std::uint64_t to, const Index& to_strides,
                      std::span<std::byte> out) {
  const std::size_t element = size_of(tensor.dtype);
  if (axis == chunk.shape.size()) {
    chunk.bytes->read(from, out.subspan(to * element, element));
    return;
  }
  const bool innermost = axis + 1 == chunk.shape.size();
  if (innermost && chunk.strides[axis] == 1) {
    chunk.bytes->read(from, out.subspan(to * element, static_cast<std::size_t>(chunk.shape[axis]) * element));
    return;
  }
  for (std::int64_t i = 0; i < chunk.shape[axis]; ++i) {
    copy_axis(tensor, chunk, axis + 1, from + static_cast<std::uint64_t>(i * chunk.strides[axis]) * element,
              to + static_cast<std::uint64_t>(i * to_strides[axis]), to_strides, out);
  }
}

/// Reads the part of a tensor that starts at `offset` and has `shape`, in row-major order.
inline std::vector<std::byte> read_slice(const StoredTensor& tensor, const Index& offset,
                                         const Shape& shape) {
  const std::size_t rank = tensor.shape.size();
  std::vector<std::byte> out(static_cast<std::size_t>(numel(shape)) * size_of(tensor.dtype));
  if (out.empty()) return out;
  const Index strides = row_major_strides(shape);
  for (const StoredChunk& chunk : tensor.chunks) {
    // The chunk's own part of the slice.
    StoredChunk part = chunk;
    std::int64_t to = 0, skipped = 0;
    bool touches = true;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const std::int64_t begin = std::max(chunk.offset[axis], offset[axis]);
      const std::int64_t end = std::min(chunk.offset[axis] + chunk.shape[axis], offset[axis] + shape[axis]);
      touches = touches && begin < end;
      part.shape[axis] = end - begin;
      skipped += (begin - chunk.offset[axis]) * chunk.strides[axis];
      to += (begin - offset[axis]) * strides[axis];
    }
    if (!touches) continue;
    const std::uint64_t from =
        chunk.byte_offset + static_cast<std::uint64_t>(skipped) * size_of(tensor.dtype);
    copy_axis(tensor, part, 0, from, static_cast<std::uint64_t>(to), strides, out);
  }
  return out;
}

/// The whole tensor.
inline std::vector<std::byte> read_tensor(const StoredTensor& tensor) {
  return read_slice(tensor, Index(tensor.shape.size(), 0), tensor.shape);
}

}  // namespace mhub::tests
