// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// A layer's Mamba-2 mixer: out_proj(mixer(in_proj(in))). Its cache is a state of fixed size.
std::unique_ptr<AttentionBlock> make_mamba(const LayerSource& source);

}  // namespace mhub::runtime
