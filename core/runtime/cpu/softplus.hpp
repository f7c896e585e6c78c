// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace mhub::runtime {

/// log(1 + exp(x)), with torch's threshold (torch.nn.functional.softplus).
inline float softplus(float x) { return x > 20.0F ? x : std::log1p(std::exp(x)); }

}  // namespace mhub::runtime
