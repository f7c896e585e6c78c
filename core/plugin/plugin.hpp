// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mhub/plugin/descriptor.hpp"

namespace mhub {

/// Changes whenever a type that plugins use changes. A plugin built against another number is not loaded.
inline constexpr unsigned kPluginAbi = MHUB_PLUGIN_ABI;

/// What a plugin's registration function fills.
struct PluginRegistrar {
  std::string family;  ///< set by the plugin: "llama"
  std::string about;   ///< one line for `mhub plugins`
  std::vector<ModelDescriptor> models;

  template <typename Model>
  void add() {
    models.push_back(describe<Model>());
  }
};

// A plugin is a shared library libmhub_plugin_<family>.so that exports two C symbols:
//
//     extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;
//     extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) { ... }
//
// The first is read before the second is looked up.
extern "C" const unsigned mhub_plugin_abi;
extern "C" void mhub_plugin_register(PluginRegistrar& registrar);

}  // namespace mhub
