// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/transformer_config.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/megatron/pipeline_split.hpp"

namespace mhub {

// Megatron-Core's HybridModel keeps one mixer a layer (megatron/core/models/hybrid). A GPTModel with L layers
// is a HybridModel with 2 L: attention of GPT layer i in hybrid layer 2 i, its MLP or experts in 2 i + 1, in
// a pattern such as "*-*-" (symbols: hybrid_layer_allocation.py; Megatron-LM docs/user-guide,
// hybrid-model-migration.md). Parameters keep their names within a layer; the last norm is
// decoder.final_norm.

/// The same tensors as HybridModel has them: their identities are what they are there, from which layouts
/// spell stored names, while their names remain those of the GPTModel's canonical state, which the layout
/// reads. Throws InputError for a model that has multi-token-prediction blocks: their layers nest
/// differently.
std::vector<CanonicalTensor> hybrid_tensors(std::vector<CanonicalTensor> canonical);

/// The pattern of a GPTModel: `*` attention, `+` latent attention, `D` sparse attention, `G` gated delta net,
/// `-` MLP, `E` experts.
std::string hybrid_pattern(const std::vector<CanonicalTensor>& canonical);

/// The pattern with `|` between pipeline segments (in order through chunk 0 of every stage, then chunk 1,
/// ...), as HybridModel wants it for more than one stage. `split` counts hybrid layers.
std::string with_stages(const std::string& pattern, const PipelineSplit& split);

/// The config with which HybridModel builds what GPTModel builds from `gpt`: twice the layers, per-layer
/// lists doubled, the given pattern (hybrid_pattern). What kinds of MLP there are is the pattern's to say.
TransformerConfig hybrid_config(const TransformerConfig& gpt, const std::string& pattern);

/// The other way round. A config whose pattern is not that of a GPTModel (mixers and MLPs take turns), or
/// that has none, is returned as it is.
TransformerConfig gpt_config(const TransformerConfig& hybrid);

}  // namespace mhub
