// SPDX-License-Identifier: Apache-2.0
#include "mhub/tensor/shape.hpp"

#include "mhub/base/config_error.hpp"

namespace mhub {

std::optional<std::int64_t> checked_numel(const Shape& shape) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 62;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty = empty || size == 0;
  }
  if (empty) return 0;
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size > kLimit / count) return std::nullopt;
    count *= size;
  }
  return count;
}

std::int64_t numel(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(count, size, &count))
      throw ConfigError("a tensor of shape " + to_string(shape) + " has more elements than 64 bits count");
  }
  return count;
}

std::uint64_t byte_count(const Shape& shape, DType dtype) {
  return static_cast<std::uint64_t>(numel(shape)) * size_of(dtype);
}

bool lies_inside(const Index& offset, const Shape& part, const Shape& whole) {
  if (offset.size() != whole.size() || part.size() != whole.size()) return false;
  for (std::size_t axis = 0; axis < whole.size(); ++axis) {
    if (offset[axis] < 0 || part[axis] < 0 || part[axis] > whole[axis] ||
        offset[axis] > whole[axis] - part[axis])
      return false;
  }
  return true;
}

Index row_major_strides(const Shape& shape) {
  Index strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

}  // namespace mhub
