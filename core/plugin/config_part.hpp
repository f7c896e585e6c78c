// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/plugin/registry.hpp"

namespace mhub {

/// A config.json within a config.json and the class that it belongs to, as the registry knows it.
struct ConfigPart {
  /// `key` names it in messages. Throws InputError where no plugin knows the class.
  ConfigPart(const nlohmann::json& json, const std::string& key)
      : config(json, "config.json: " + key), model(PluginRegistry::instance().find(config)) {}

  ConfigReader config;
  const ModelDescriptor& model;
};

}  // namespace mhub
