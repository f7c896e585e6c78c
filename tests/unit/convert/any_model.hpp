// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>

#include "cli/tiny_llama.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub::tests {

/// A Hugging Face folder of any class: what its mapping says that it has, with float32 values made up.
inline TinyLlama any_model(const nlohmann::json& config) {
  const ConfigReader reader(config, "config.json");
  const ModelDescriptor& descriptor = PluginRegistry::instance().find(reader);
  TinyLlama model;
  model.config = config;
  model.header = nlohmann::ordered_json::object();
  model.payload.clear();
  for (const StateTensor& tensor : expand(declared_mapping(descriptor, reader)).import.source)
    model.add(tensor.name, tensor.shape);
  return model;
}

}  // namespace mhub::tests
