// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// destination[i] = source[i] + added for `count` elements, computed in double precision and cast from there.
/// Both types must be floating ones that convert_elements casts between; the buffers must not overlap.
void add_to_elements(DType from, const std::byte* source, DType to, std::byte* destination, std::size_t count,
                     double added);

/// The first of `count` elements for which the above is not exact, or whose bits subtracting `added` again
/// would not give back (a value that is tiny beside `added`, a negative zero, a NaN); `count` when there is
/// none.
std::size_t first_inexact(DType from, const std::byte* source, DType to, std::size_t count, double added);

}  // namespace mhub
