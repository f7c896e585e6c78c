// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace mhub {

/// Number of a token in a vocabulary; never negative.
using TokenId = std::int32_t;
using TokenIds = std::vector<TokenId>;

}  // namespace mhub
