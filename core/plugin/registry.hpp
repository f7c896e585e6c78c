// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mhub/plugin/plugin.hpp"

namespace mhub {

/// The plugins of this process: loaded once, from the build's or the installation's plugin folder and from
/// the folders in MHUB_PLUGIN_PATH (colon-separated, searched first). A plugin that cannot be loaded is
/// reported and skipped.
class PluginRegistry {
 public:
  /// The process-wide registry; the first call loads the plugins.
  static const PluginRegistry& instance();

  struct Plugin {
    std::string family, about, path;
    std::vector<ModelDescriptor> models;
  };
  struct Broken {
    std::string path, reason;
  };
  const std::vector<Plugin>& plugins() const { return plugins_; }
  const std::vector<Broken>& broken() const { return broken_; }

  /// The descriptor for a config.json: by `architectures`, else by `model_type`. Throws InputError that lists
  /// what is supported.
  const ModelDescriptor& find(const ConfigReader& config) const;
  /// The descriptor of a class name, or nullptr.
  const ModelDescriptor* find_class(const std::string& class_name) const;
  /// A descriptor that knows the fields of a Megatron-Bridge class, or nullptr.
  const ModelDescriptor* find_bridge_provider(const std::string& class_path) const;

  ~PluginRegistry();

 private:
  PluginRegistry();
  void load_folder(const std::string& folder);
  void load(const std::string& path);

  struct Libraries;
  std::unique_ptr<Libraries> libraries_;
  std::vector<Plugin> plugins_;
  std::vector<Broken> broken_;
};

}  // namespace mhub
