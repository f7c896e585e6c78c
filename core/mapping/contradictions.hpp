// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mhub/mapping/mapping.hpp"

namespace mhub {

/// What is wrong with a declaration, one sentence each, where expand() would throw the first as a
/// std::logic_error. For those who write one (`mhub plugins --check`).
std::vector<std::string> contradictions(const Mapping& mapping);

}  // namespace mhub
