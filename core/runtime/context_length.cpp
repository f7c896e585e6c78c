// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/context_length.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"

namespace mhub::runtime {

namespace {

std::optional<std::int64_t> reach_of_positions(const TransformerConfig& config) {
  if (config.position_embedding_type == PositionEmbedding::none) return std::nullopt;
  const RopeScaling& scaling = config.rope_scaling;
  if (config.position_embedding_type != PositionEmbedding::rope || scaling.type == RopeKind::none)
    return config.max_position_embeddings;
  const bool stated = scaling.type != RopeKind::linear && scaling.type != RopeKind::dynamic;
  const std::int64_t original =
      stated ? scaling.original_max_position_embeddings : config.max_position_embeddings;
  const double scaled = std::min(static_cast<double>(original) * scaling.factor, 1e15);
  return std::max(config.max_position_embeddings, static_cast<std::int64_t>(scaled));
}

/// Whether generation could not see as far as the model does.
bool ends_early(const TransformerConfig& config, std::int64_t reach) {
  return config.sparse_attention && config.sparse_attention->topk < reach;
}

}  // namespace

std::optional<std::int64_t> context_length(const TransformerConfig& config) {
  const std::optional<std::int64_t> reach = reach_of_positions(config);
  if (reach && ends_early(config, *reach)) return config.sparse_attention->topk;
  return reach;
}

void require_length(const TransformerConfig& config, std::int64_t length) {
  const std::optional<std::int64_t> limit = context_length(config);
  if (!limit || length <= *limit) return;
  const std::string longer = "a sequence of " + std::to_string(length) + " tokens is longer than ";
  if (ends_early(config, *reach_of_positions(config)))
    throw UsageError(longer + "the " + std::to_string(*limit) +
                     " tokens that the indexer of sparse attention chooses (index_topk in config.json): "
                     "generation computes it only where it chooses all");
  throw UsageError(longer + "the model's context of " + std::to_string(*limit) +
                   " tokens (max_position_embeddings in config.json)");
}

}  // namespace mhub::runtime
