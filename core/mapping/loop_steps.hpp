// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/mapping/box.hpp"

namespace mhub {

/// Visits every combination of loops with the source and destination offsets that it leads to.
template <typename Visit>
void for_each_step(std::span<const Loop> loops, std::int64_t source, std::int64_t destination,
                   const Visit& visit) {
  if (loops.empty()) {
    visit(source, destination);
    return;
  }
  for (std::int64_t i = 0; i < loops[0].extent; ++i) {
    for_each_step(loops.subspan(1), source + i * loops[0].source_stride,
                  destination + i * loops[0].destination_stride, visit);
  }
}

}  // namespace mhub
