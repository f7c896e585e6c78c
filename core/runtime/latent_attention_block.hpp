// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"
#include "mhub/runtime/layer_plan.hpp"

namespace mhub::runtime {

/// Multi-head latent attention (Megatron-Core multi_latent_attention.py): queries, and keys with values, come
/// out of low-rank projections; a part of each query and one key part shared by all heads are rotated. The
/// cache holds the expanded keys and values.
std::unique_ptr<AttentionBlock> make_latent_attention(const LayerSource& source, const LayerPlan& plan);

}  // namespace mhub::runtime
