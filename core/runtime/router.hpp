// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mhub/config/transformer_config.hpp"

namespace mhub::runtime {

/// An expert that a token goes to.
struct Choice {
  std::int64_t expert;
  float weight;  ///< of its output in the sum
};

/// The experts of one token from its router logits, most likely first (Megatron-Core moe_utils.py,
/// topk_routing_with_score_function and group_limited_topk). `correction` is added to sigmoid scores for the
/// choice alone; empty: none.
std::vector<Choice> route(const MoeConfig& moe, std::span<const float> logits,
                          std::span<const float> correction);

}  // namespace mhub::runtime
