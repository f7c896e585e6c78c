// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "base/temporary_folder.hpp"
#include "mapping/random_views.hpp"
#include "mhub/mapping/state_map.hpp"

namespace mhub::tests {

/// The elements of every tensor of a state, as numbers.
using Values = std::vector<std::vector<std::int64_t>>;

/// A different number for every element of a state; zero is for padding.
inline Values numbered_values(const std::vector<StateTensor>& tensors) {
  Values values;
  std::int64_t next = 1;
  for (const StateTensor& tensor : tensors) {
    auto& one = values.emplace_back(static_cast<std::size_t>(numel(tensor.shape)));
    std::iota(one.begin(), one.end(), next);
    next += numel(tensor.shape);
  }
  return values;
}

/// The plain meaning of a state map. Elements that no term writes are -1.
inline Values applied(const StateMap& map, const Values& source) {
  Values result;
  for (std::size_t d = 0; d < map.destination.size(); ++d) {
    auto& out = result.emplace_back(static_cast<std::size_t>(numel(map.destination[d].shape)), -1);
    for (const Term& term : map.terms[d]) {
      if (!term.writes()) continue;
      for (const auto& [from, to] : pairs(term.box)) {
        out[static_cast<std::size_t>(to)] =
            term.zero() ? 0 : source[term.source][static_cast<std::size_t>(from)];
      }
    }
  }
  return result;
}

}  // namespace mhub::tests
