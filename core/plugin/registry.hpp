// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mhub/plugin/plugin.hpp"
#include "mhub/plugin/plugin_index.hpp"

namespace mhub {

/// Plugins of some folders. Those that a folder's index lists (plugin_index.hpp) are opened when one of their
/// classes is asked for, the others at once. A plugin that cannot be loaded is reported and skipped.
/// Thread-safe; what is returned lives as long as the registry.
class PluginRegistry {
 public:
  /// The registry of this process, made at the first call: the folders in MHUB_PLUGIN_PATH (colon-separated)
  /// and behind them the build's or the installation's plugin folder.
  static const PluginRegistry& instance();

  enum class Index { used, ignored };
  /// Of two plugins with the same class, the one in the earlier folder, or of the earlier name, is taken.
  explicit PluginRegistry(const std::vector<std::string>& folders, Index index = Index::used);
  ~PluginRegistry();
  PluginRegistry(const PluginRegistry&) = delete;
  PluginRegistry& operator=(const PluginRegistry&) = delete;

  struct Plugin {
    std::string family, about, path;
    std::vector<ModelDescriptor> models;
  };
  struct Broken {
    std::string path, reason;
  };
  /// All plugins; opens those that are not open yet.
  std::vector<std::reference_wrapper<const Plugin>> plugins() const;
  /// What was skipped so far.
  std::vector<Broken> broken() const;

  /// The descriptor for a config.json: by `architectures`, else by `model_type`. Throws InputError that lists
  /// what is supported.
  const ModelDescriptor& find(const ConfigReader& config) const;
  /// The descriptor of a class name, or nullptr.
  const ModelDescriptor* find_class(const std::string& class_name) const;
  /// A descriptor that knows the fields of a Megatron-Bridge class, or nullptr.
  const ModelDescriptor* find_bridge_provider(const std::string& class_path) const;

 private:
  struct Entry;
  struct State;

  void add_folder(const std::string& folder, Index index);
  void add(std::unique_ptr<Entry> entry);
  const Plugin* opened(const Entry& entry) const;
  template <typename Wanted>
  const ModelDescriptor* first(const Wanted& wanted) const;

  std::unique_ptr<State> state_;
};

/// What an index says of a plugin's classes.
std::vector<IndexedModel> indexed_models(const std::vector<ModelDescriptor>& models);

}  // namespace mhub
