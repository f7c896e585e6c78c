// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "mhub/runtime/block.hpp"
#include "mhub/runtime/layer_plan.hpp"

namespace mhub::runtime {

/// What mixes tokens in a layer: attention as the configuration describes it (grouped queries or latent
/// attention), or what stands in its place; nullptr for a layer that has neither.
std::unique_ptr<AttentionBlock> make_attention(const LayerSource& source, const LayerPlan& plan);

/// Scale, window, cap and sinks of a layer. `dim` is the length of a query.
AttentionOptions attention_options(const LayerSource& source, const LayerPlan& plan, std::int64_t dim);

/// The angles that a layer rotates by; nullptr: it does not.
const RotaryAngles* angles_of(const ForwardPass& pass, const LayerPlan& plan);

}  // namespace mhub::runtime
