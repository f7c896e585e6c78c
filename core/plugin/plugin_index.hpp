// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mhub {

/// What a folder's index says of one class: all by which PluginRegistry looks for a descriptor.
struct IndexedModel {
  std::string class_name, model_type, bridge_provider;

  friend bool operator==(const IndexedModel&, const IndexedModel&) = default;
};

/// What it says of one library. Size and time of modification tell whether it is still the one that was
/// indexed.
struct IndexedPlugin {
  std::string path, family, about;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< seconds, as packages keep them
  std::vector<IndexedModel> models;
};

/// Size and modification time of a library, in an entry that has nothing else. Throws IoError.
IndexedPlugin stamp_of(const std::string& library);

/// The entries of `folder`/mhub_plugins.json whose libraries are as they were: none where there is no index
/// or it was written for another plugin ABI. Throws InputError for a file that is no index.
std::vector<IndexedPlugin> read_plugin_index(const std::string& folder);

/// Opens all plugins of a folder and writes mhub_plugins.json there, so that a program opens only those that
/// it needs. Throws InputError for a plugin that cannot be loaded.
void write_plugin_index(const std::string& folder);

}  // namespace mhub
