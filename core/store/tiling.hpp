// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Checks that a tensor's chunks have its rank, lie inside it, do not overlap and cover it. Throws InputError
/// that starts with `what`.
void check_tiling(const StoredTensor& tensor, const std::string& what);

}  // namespace mhub
