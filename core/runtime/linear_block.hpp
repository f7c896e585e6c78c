// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/runtime/block.hpp"

namespace mhub::runtime {

/// One linear layer in the place of attention or of an MLP: "decoder.layers.3.self_attention.weight" for
/// `name` "self_attention". It looks at no other token.
std::unique_ptr<AttentionBlock> make_linear(const LayerSource& source, const std::string& name);

}  // namespace mhub::runtime
