// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// A layer's gated delta net in the place of attention: out_proj(delta net(in_proj(in))). Its cache is a
/// state of fixed size.
std::unique_ptr<AttentionBlock> make_delta_net(const LayerSource& source);

}  // namespace mhub::runtime
