// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace mhub {

/// No model has as many tensors (DeepSeek-V3 has 30,000, Kimi-K2 46,000, of layers x experts) or layers; a
/// config that claims more must not make us list them, which takes some 4 KB of memory each.
inline constexpr std::size_t kMostTensors = 1 << 17;

}  // namespace mhub
