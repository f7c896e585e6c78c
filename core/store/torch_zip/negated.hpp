// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/base/byte_source.hpp"
#include "mhub/tensor/dtype.hpp"

namespace mhub {

/// The bytes of floating-point elements of a type that lie one after another from `first` on, with every sign
/// turned: what a tensor with torch's "neg" bit means.
std::shared_ptr<const ByteSource> negated(std::shared_ptr<const ByteSource> bytes, std::uint64_t first,
                                          DType dtype);

}  // namespace mhub
