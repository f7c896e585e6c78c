// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "mhub/config/transformer_config.hpp"

namespace mhub {

/// A layer spec of examples/megatron/, for Megatron-LM's --spec: the module's name ("gemma2"; its attribute
/// is kLayerSpecAttribute), and where the model has not the constants in it, by field: "residual_multiplier
/// 0.3 in the place of 0.22".
struct LayerSpec {
  std::string module;
  std::map<std::string, std::string> differences;
};

inline constexpr const char* kLayerSpecAttribute = "layer_spec";

/// The one that has what Megatron-Core's own layers have not of this model: nothing for a model that needs
/// none, or has parts that no single one of them has.
std::optional<LayerSpec> layer_spec(const TransformerConfig& config);

/// Whether the model has parts that none of them has, so that one for the others alone is of no use.
bool is_beyond_layer_specs(const TransformerConfig& config);

}  // namespace mhub
