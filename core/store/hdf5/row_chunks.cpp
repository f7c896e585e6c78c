// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/store/hdf5/chunks.hpp"

namespace mhub {
namespace {

constexpr std::int64_t kSmallTarget = 1 << 20;
constexpr std::int64_t kLargeTarget = 64 << 20;
constexpr std::int64_t kManyChunks = 1024;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a - 1) / b + 1; }

}  // namespace

RowChunks::RowChunks(const Shape& shape, std::size_t axis, std::int64_t rows, std::size_t element_bytes)
    : shape_(shape), chunk_(shape), axis_(axis) {
  std::uint64_t row_bytes = element_bytes;
  for (std::size_t k = axis + 1; k < shape.size(); ++k) row_bytes *= static_cast<std::uint64_t>(shape[k]);
  for (std::size_t k = 0; k < axis; ++k) {
    chunk_[k] = 1;
    blocks_ *= static_cast<std::uint64_t>(shape[k]);
  }
  chunk_[axis] = rows;
  per_block_ = static_cast<std::uint64_t>(ceil_div(shape[axis], rows));
  chunk_bytes_ = row_bytes * static_cast<std::uint64_t>(rows);
  block_bytes_ = row_bytes * static_cast<std::uint64_t>(shape[axis]);
}

RowChunks RowChunks::choose(const Shape& shape, std::size_t element_bytes) {
  const auto element = static_cast<std::int64_t>(element_bytes);
  const std::int64_t target = std::clamp(numel(shape) / kManyChunks * element, kSmallTarget, kLargeTarget);
  // The first axis whose rows fit; a row of the last axis is one element.
  std::size_t axis = 0;
  std::int64_t row = numel(shape) * element / shape[0];
  while (row > target && axis + 1 < shape.size()) row /= shape[++axis];
  const std::int64_t most = std::max<std::int64_t>(1, target / row);
  // Chunks of equal size leave the least padding in the last one.
  const std::int64_t chunks = ceil_div(shape[axis], most);
  return RowChunks(shape, axis, ceil_div(shape[axis], chunks), element_bytes);
}

std::optional<RowChunks> RowChunks::from(const Shape& shape, const Shape& chunk, std::size_t element_bytes) {
  if (shape.empty() || chunk.size() != shape.size()) return std::nullopt;
  std::size_t axis = shape.size() - 1;
  while (axis > 0 && chunk[axis] == shape[axis]) --axis;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (chunk[k] < 1 || chunk[k] > shape[k] || (k < axis && chunk[k] != 1)) return std::nullopt;
  }
  return RowChunks(shape, axis, chunk[axis], element_bytes);
}

RowChunks::Part RowChunks::part(std::uint64_t chunk) const {
  const std::uint64_t inside = chunk % per_block_ * chunk_bytes_;
  return {chunk, chunk / per_block_ * block_bytes_ + inside, std::min(chunk_bytes_, block_bytes_ - inside)};
}

RowChunks::Part RowChunks::part_at(std::uint64_t offset) const {
  return part(offset / block_bytes_ * per_block_ + offset % block_bytes_ / chunk_bytes_);
}

Index RowChunks::origin(std::uint64_t chunk) const {
  Index origin(shape_.size(), 0);
  origin[axis_] = static_cast<std::int64_t>(chunk % per_block_) * chunk_[axis_];
  auto block = static_cast<std::int64_t>(chunk / per_block_);
  for (std::size_t k = axis_; k-- > 0;) {
    origin[k] = block % shape_[k];
    block /= shape_[k];
  }
  return origin;
}

std::optional<std::uint64_t> RowChunks::number(const Index& origin) const {
  if (origin.size() != shape_.size()) return std::nullopt;
  std::uint64_t number = 0;
  for (std::size_t k = 0; k < origin.size(); ++k) {
    if (origin[k] < 0 || origin[k] >= shape_[k] || origin[k] % chunk_[k] != 0) return std::nullopt;
    const std::int64_t along = ceil_div(shape_[k], chunk_[k]);
    number = number * static_cast<std::uint64_t>(along) + static_cast<std::uint64_t>(origin[k] / chunk_[k]);
  }
  return number;
}

}  // namespace mhub
