// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// A mixture of experts in the place of a layer's MLP: a router chooses experts for every token, their
/// weighted outputs are summed, and shared experts, if any, add theirs.
std::unique_ptr<Block> make_moe(const LayerSource& source);

}  // namespace mhub::runtime
