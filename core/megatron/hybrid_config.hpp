// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// The config with which HybridModel builds what GPTModel builds from `gpt`: twice the layers, per-layer
/// lists doubled, the given pattern (hybrid_names.hpp). What kinds of MLP there are is the pattern's to say.
TransformerConfig hybrid_config(const TransformerConfig& gpt, const std::string& pattern);

/// The other way round. A config whose pattern is not that of a GPTModel (is_gpt_pattern), or that has none,
/// is returned as it is.
TransformerConfig gpt_config(const TransformerConfig& hybrid);

}  // namespace mhub
