// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"

namespace mhub {

/// What a folder's index says of one class: all by which PluginRegistry looks for a descriptor.
struct IndexedModel {
  std::string class_name, model_type, bridge_provider, other_provider = {};

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

/// Plugins of some folders. Those that a folder's index lists are opened when one of their
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

  struct Plugin : PluginRegistrar {
    std::string path;
  };
  struct Broken {
    std::string path, reason;
    bool unread = false;  ///< the system did not let it be read: what is in it is not known
  };
  /// All plugins; opens those that are not open yet.
  std::vector<std::reference_wrapper<const Plugin>> plugins() const;
  /// What was skipped so far.
  std::vector<Broken> broken() const;

  /// The descriptor for a config.json: by `architectures`, else by `model_type`. Throws InputError that lists
  /// what is supported, or IoError where it may be in what could not be read.
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

/// A config.json within a config.json and the class that it belongs to, as the registry knows it.
struct ConfigPart {
  /// `key` names it in messages. Throws InputError where no plugin knows the class.
  ConfigPart(const nlohmann::json& json, const std::string& key)
      : config(json, "config.json: " + key), model(PluginRegistry::instance().find(config)) {}

  ConfigReader config;
  const ModelDescriptor& model;
};

/// What an index says of a plugin's classes.
std::vector<IndexedModel> indexed_models(const std::vector<ModelDescriptor>& models);

/// The entries of `folder`/mhub_plugins.json whose libraries are as they were: none where there is no index
/// or it was written for another plugin ABI. Throws InputError for a file that is no index.
std::vector<IndexedPlugin> read_plugin_index(const std::string& folder);

/// Opens all plugins of a folder and writes mhub_plugins.json there, so that a program opens only those that
/// it needs. Throws InputError for a plugin that cannot be loaded.
void write_plugin_index(const std::string& folder);

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
/// hold, and UsageError for a `class_name` that no plugin has.
IdentifiedModel identify_model(const TransformerConfig& megatron,
                               const std::optional<std::string>& class_name, const std::string& where);

}  // namespace mhub
