// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/config/transformer_config.hpp"
#include "mhub/runtime/backend.hpp"

namespace mhub::runtime {

/// Checks every field of the configuration that changes the mathematics: the decoder computes what it says or
/// this throws InputError, naming the field, its value and `source`. Also refuses sizes that contradict each
/// other, which a plugin may not have noticed.
void require_supported(const TransformerConfig& config, const std::string& source);

/// The kernel of a function. Throws InputError for one that is not supported.
ActivationKind activation_kind(ActivationFunction activation, const std::string& source);

}  // namespace mhub::runtime
