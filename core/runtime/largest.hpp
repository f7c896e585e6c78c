// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/runtime/matrix.hpp"

namespace mhub::runtime {

/// Appends the `count` entries of a row that rank first (ranks_before), in order; a NaN counts as -infinity.
void append_largest(std::span<const float> row, std::int64_t count, std::vector<RowEntry>& out);

/// The same of entries that were chosen before.
void append_largest(std::span<const RowEntry> entries, std::int64_t count, std::vector<RowEntry>& out);

}  // namespace mhub::runtime
