// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mhub/mapping/state_map.hpp"

namespace mhub {

/// The smallest maps that a map consists of: tensors are in one part when elements of one go to the other.
/// Tensors keep their order.
std::vector<StateMap> independent_parts(const StateMap& map);

/// All of a map but its tensors' names: two maps with equal structures move their elements alike (an
/// attention of layer 3 and one of layer 4).
std::string structure_of(const StateMap& map);

}  // namespace mhub
