// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "mhub/config/transformer_config.hpp"

namespace mhub::runtime {

/// The longest sequence that a model is made for: max_position_embeddings, which is also the size of a table
/// of learned positions. Scaled rotary positions reach `factor` times the original context where that is
/// more: some configs state the original one in max_position_embeddings (Qwen2.5's YaRN). Nothing for models
/// without positions. Of a model with sparse attention no more than its indexer chooses: there attention is
/// dense, and the decoder has no indexer.
std::optional<std::int64_t> context_length(const TransformerConfig& config);
/// Throws UsageError when sequences of the model cannot be so long.
void require_length(const TransformerConfig& config, std::int64_t length);

}  // namespace mhub::runtime
