// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mhub/config/transformer_config.hpp"
#include "mhub/plugin/descriptor.hpp"

namespace mhub {

/// The Hugging Face model that a Megatron model is.
struct IdentifiedModel {
  const ModelDescriptor* model = nullptr;  ///< owned by the plugin registry
  nlohmann::json config;                   ///< its config.json, without a dtype
  std::vector<std::string> alternatives;   ///< other classes that build the same function
};

/// Finds the registered class whose config can express `megatron` exactly: its config.json, read again,
/// builds the same function (differing_fields). Where several can, the one with the highest
/// ModelDescriptor::preference wins, then the first by plugin and order. `class_name` asks for one class.
/// Throws InputError that starts with `where` and names, for the nearest class, the fields that it cannot
/// hold.
IdentifiedModel identify_model(const TransformerConfig& megatron,
                               const std::optional<std::string>& class_name, const std::string& where);

}  // namespace mhub
