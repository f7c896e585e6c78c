// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/base/small_vector.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// Sizes of a tensor's axes, outermost first; empty for a scalar. Never negative.
using Shape = SmallVector<std::int64_t, 4>;
/// A position in, or an offset into, a tensor of the same rank.
using Index = SmallVector<std::int64_t, 4>;

/// The number of elements, or nothing when a size is negative or the product does not fit 2^62: headers of
/// damaged files claim such shapes.
std::optional<std::int64_t> checked_numel(const Shape& shape);
/// The same for a shape made from a config or checked before; ConfigError when it does not fit.
std::int64_t numel(const Shape& shape);
/// Bytes of a dense tensor.
std::uint64_t byte_count(const Shape& shape, DType dtype);
/// Whether a part at `offset` has the rank of the tensor of shape `whole` and reaches nowhere beyond it.
bool lies_inside(const Index& offset, const Shape& part, const Shape& whole);
/// Element strides of a dense row-major tensor.
Index row_major_strides(const Shape& shape);
/// "[4096, 11008]"
std::string to_string(const Shape& shape);

}  // namespace mhub
