// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "mhub/config/transformer_config.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// What a Megatron checkpoint says of itself, as far as finding its layout needs it.
struct StoredFacts {
  std::string directory;           ///< for messages
  std::vector<std::string> ranks;  ///< the folders of ranks; none where tensors lie whole under their keys
  nlohmann::json args;             ///< Megatron-LM's plain args; empty object: none
};

/// Finds out how a checkpoint of the given model is laid out, from the names and shapes that are stored:
/// parallel sizes and layers per stage, TransformerEngine or local names, stacked or single keys, vocabulary
/// padding. `args` only decide what names leave open. Throws InputError when ranks are missing.
LayoutRequest stored_layout(const StoredFacts& facts, const TensorSource& tensors,
                            const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config);

/// LayoutRequest::local_norm_keys of a model.
bool has_local_norm_keys(const TransformerConfig& config);

/// The names of wrapper modules in front of all parameters ("module.", "model.", "module.module."), which
/// checkpoints saved from a wrapped model have; empty for most.
std::string wrapper_prefix(const std::vector<std::string>& parameter_names);

}  // namespace mhub
