// SPDX-License-Identifier: Apache-2.0
#include "mhub/plugin/registry.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <utility>

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/utf8.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace mhub {

/// A library. What the index says of it never changes; the rest is guarded by State::mutex until it is open.
struct PluginRegistry::Entry {
  IndexedPlugin indexed;
  mutable boost::dll::shared_library library;  // goes after `plugin`, which holds code of it
  mutable Plugin plugin;
  mutable bool tried = false, good = false;
};

struct PluginRegistry::State {
  std::mutex mutex;
  std::vector<std::unique_ptr<const Entry>> entries;
  std::vector<Broken> broken;
};

namespace {

std::vector<std::string> default_folders() {
  std::vector<std::string> folders;
  if (const char* path = std::getenv("MHUB_PLUGIN_PATH")) {
    std::istringstream list(path);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) folders.push_back(folder);
    }
  }
  // libmhub.so lies in <prefix>/lib, in the build tree and installed alike; Debian's multi-arch adds one
  // level.
  const fs::path library = boost::dll::this_line_location().string();
  const fs::path near = library.parent_path().parent_path();
  std::error_code error;
  for (const fs::path& prefix : {near, near.parent_path()}) {
    if (!fs::is_directory(prefix / MHUB_PLUGIN_DIR, error)) continue;
    folders.push_back((prefix / MHUB_PLUGIN_DIR).string());
    break;
  }
  return folders;
}

/// Throws std::runtime_error that says why a library is no plugin of this mhub.
PluginRegistrar registered(const boost::dll::shared_library& library) {
  if (!library.has("mhub_plugin_abi") || !library.has("mhub_plugin_register"))
    throw std::runtime_error("not an mhub plugin: mhub_plugin_abi or mhub_plugin_register is missing");
  const unsigned abi = library.get<const unsigned>("mhub_plugin_abi");
  if (abi != kPluginAbi) {
    throw std::runtime_error("built for plugin ABI " + std::to_string(abi) + ", this mhub has " +
                             std::to_string(kPluginAbi) + "; rebuild the plugin");
  }
  PluginRegistrar registrar;
  library.get<void(PluginRegistrar&)>("mhub_plugin_register")(registrar);
  return registrar;
}

constexpr const char* kName = "mhub_plugins.json";

/// Size and time of modification; nothing where there is no such file.
std::optional<std::pair<std::uint64_t, std::int64_t>> stamp_of(const std::string& library) {
  struct stat status {};
  if (::stat(library.c_str(), &status) != 0) return std::nullopt;
  return std::pair(static_cast<std::uint64_t>(status.st_size), std::int64_t{status.st_mtim.tv_sec});
}

bool can_be_read(const std::string& file) {
  try {
    begins_with(file, "\177ELF");
    return true;
  } catch (const IoError&) {
    return false;
  }
}

IndexedPlugin from_json(const JsonObject& entry, const std::string& folder) {
  IndexedPlugin plugin;
  plugin.path = (fs::path(folder) / fs::path(entry.string("file")).filename()).string();
  plugin.family = entry.string("family");
  plugin.about = entry.string("about");
  plugin.size = static_cast<std::uint64_t>(entry.integer("size"));
  plugin.modified = entry.integer("modified");
  for (const json& one : entry.json().at("models")) {
    const JsonObject model(std::make_shared<const json>(one), entry.origin() + ": models");
    plugin.models.push_back({model.string("class"), model.string("model_type"),
                             model.string("bridge_provider", ""), model.string("other_provider", "")});
  }
  return plugin;
}

json to_json(const IndexedPlugin& plugin) {
  json models = json::array();
  for (const IndexedModel& model : plugin.models) {
    json& one = models.emplace_back(json{{"class", model.class_name}, {"model_type", model.model_type}});
    if (!model.bridge_provider.empty()) one["bridge_provider"] = model.bridge_provider;
    if (!model.other_provider.empty()) one["other_provider"] = model.other_provider;
  }
  return {{"file", fs::path(plugin.path).filename().string()},
          {"family", plugin.family},
          {"about", plugin.about},
          {"size", plugin.size},
          {"modified", plugin.modified},
          {"models", std::move(models)}};
}

}  // namespace

std::vector<IndexedModel> indexed_models(const std::vector<ModelDescriptor>& models) {
  std::vector<IndexedModel> list;
  for (const ModelDescriptor& model : models)
    list.push_back({model.class_name, model.model_type, model.bridge_fields ? model.bridge_provider : "",
                    model.other_provider});
  return list;
}

const PluginRegistry& PluginRegistry::instance() {
  static const PluginRegistry registry(default_folders());
  return registry;
}

PluginRegistry::PluginRegistry(const std::vector<std::string>& folders, Index index)
    : state_(std::make_unique<State>()) {
  for (const std::string& folder : folders) add_folder(folder, index);
}

PluginRegistry::~PluginRegistry() = default;

void PluginRegistry::add_folder(const std::string& folder, Index index) {
  std::set<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("libmhub_plugin_") && name.ends_with(".so")) files.insert(it->path().string());
  }
  if (error) state_->broken.push_back({folder, error.message(), !is_absence(error)});
  std::vector<IndexedPlugin> indexed;
  try {
    if (index == Index::used) indexed = read_plugin_index(folder);
  } catch (const Error& problem) {
    state_->broken.push_back({folder, problem.what(), problem.category() == ErrorCategory::io});
  }
  for (const std::string& file : files) {
    auto entry = std::make_unique<Entry>();
    const auto known = std::find_if(indexed.begin(), indexed.end(),
                                    [&](const IndexedPlugin& one) { return one.path == file; });
    if (known != indexed.end()) {
      entry->indexed = std::move(*known);
    } else {
      entry->indexed.path = file;
      const Plugin* plugin = opened(*entry);
      if (plugin == nullptr) continue;
      entry->indexed.family = plugin->family;
      entry->indexed.models = indexed_models(plugin->models);
    }
    add(std::move(entry));
  }
}

void PluginRegistry::add(std::unique_ptr<Entry> entry) {
  for (const auto& other : state_->entries) {
    for (const IndexedModel& model : other->indexed.models) {
      const bool same =
          std::any_of(entry->indexed.models.begin(), entry->indexed.models.end(),
                      [&](const IndexedModel& one) { return one.class_name == model.class_name; });
      if (!same) continue;
      state_->broken.push_back({entry->indexed.path, model.class_name + " is already registered by plugin " +
                                                         other->indexed.family});
      return;
    }
  }
  state_->entries.push_back(std::move(entry));
}

const PluginRegistry::Plugin* PluginRegistry::opened(const Entry& entry) const {
  const std::lock_guard lock(state_->mutex);
  const std::string& path = entry.indexed.path;
  if (!entry.tried) {
    entry.tried = true;
    try {
      // Not RTLD_GLOBAL: families must not see each other's symbols.
      entry.library.load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
      PluginRegistrar registrar = registered(entry.library);
      if (!entry.indexed.models.empty() && indexed_models(registrar.models) != entry.indexed.models)
        throw std::runtime_error(
            "its folder's index is out of date; mhub plugins --write-index FOLDER renews it");
      for (ModelDescriptor& model : registrar.models) model.plugin = registrar.family;
      entry.plugin = {std::move(registrar), path};
      entry.good = true;
    } catch (const std::runtime_error& error) {
      state_->broken.push_back({path, error.what(), !can_be_read(path)});
    }
  }
  return entry.good ? &entry.plugin : nullptr;
}

std::vector<std::reference_wrapper<const PluginRegistry::Plugin>> PluginRegistry::plugins() const {
  std::vector<std::reference_wrapper<const Plugin>> all;
  for (const auto& entry : state_->entries) {
    if (const Plugin* plugin = opened(*entry)) all.emplace_back(*plugin);
  }
  return all;
}

std::vector<PluginRegistry::Broken> PluginRegistry::broken() const {
  const std::lock_guard lock(state_->mutex);
  return state_->broken;
}

template <typename Wanted>
const ModelDescriptor* PluginRegistry::first(const Wanted& wanted) const {
  for (const auto& entry : state_->entries) {
    const auto& models = entry->indexed.models;
    const auto at = std::find_if(models.begin(), models.end(), wanted);
    if (at == models.end()) continue;
    if (const Plugin* plugin = opened(*entry))
      return &plugin->models[static_cast<std::size_t>(at - models.begin())];
  }
  return nullptr;
}

const ModelDescriptor* PluginRegistry::find_class(const std::string& class_name) const {
  return first([&](const IndexedModel& model) { return model.class_name == class_name; });
}

const ModelDescriptor* PluginRegistry::find_bridge_provider(const std::string& class_path) const {
  if (class_path.empty()) return nullptr;
  return first([&](const IndexedModel& model) {
    return model.bridge_provider == class_path || model.other_provider == class_path;
  });
}

const ModelDescriptor& PluginRegistry::find(const ConfigReader& config) const {
  const std::vector<std::string> architectures = config.strings("architectures");
  for (const std::string& name : architectures) {
    if (const ModelDescriptor* model = find_class(name)) return *model;
  }
  const std::string type = config.string("model_type", "");
  if (architectures.empty()) {
    if (const auto* model = first([&](const IndexedModel& one) { return one.model_type == type; }))
      return *model;
  }
  std::string related, skipped;
  std::vector<std::string> names;
  for (const auto& entry : state_->entries) {
    for (const IndexedModel& model : entry->indexed.models) {
      names.push_back(architectures.empty() ? model.model_type : model.class_name);
      if (!type.empty() && model.model_type == type)
        related += (related.empty() ? "" : " or ") + model.class_name;
    }
  }
  const std::string wanted = architectures.empty() ? "model_type \"" + type + "\"" : architectures.front();
  for (const Broken& one : broken()) {
    skipped += "; skipped " + one.path + ": " + one.reason;
    if (one.unread)
      throw IoError(config.file() + ": no plugin for " + wanted + " among those that can be read; " +
                    one.path + ": " + one.reason);
  }
  if (!related.empty())
    throw InputError(config.file() + ": no plugin for " + wanted +
                     ", which is another model than the nearest, " + related +
                     ": a trunk without a language model's head, or with another one, is not supported");
  const std::string near = near_name(architectures.empty() ? type : architectures.front(), names);
  throw InputError(config.file() + ": no plugin for " + wanted +
                   (near.empty() ? "" : "; the nearest is " + near) + "; mhub plugins lists the " +
                   std::to_string(names.size()) +
                   " classes that are known, and MHUB_PLUGIN_PATH adds folders of further plugins" + skipped);
}

std::vector<IndexedPlugin> read_plugin_index(const std::string& folder) {
  const std::string file = (fs::path(folder) / kName).string();
  if (!fs::is_regular_file(file)) return {};
  const JsonObject index(std::make_shared<const json>(parse_json_file(file, 1 << 22)), file);
  if (index.integer("abi") != kPluginAbi) return {};
  std::vector<IndexedPlugin> plugins;
  for (const json& one : index.json().value("plugins", json::array())) {
    const JsonObject entry(std::make_shared<const json>(one), file);
    if (!entry.json().contains("models") || !entry.json()["models"].is_array())
      entry.fail("models", "expected a list");
    IndexedPlugin plugin = from_json(entry, folder);
    if (stamp_of(plugin.path) == std::pair(plugin.size, plugin.modified))
      plugins.push_back(std::move(plugin));
  }
  return plugins;
}

void write_plugin_index(const std::string& folder) {
  const PluginRegistry registry({folder}, PluginRegistry::Index::ignored);
  for (const PluginRegistry::Broken& broken : registry.broken())
    throw InputError(broken.path + ": " + broken.reason);
  json plugins = json::array();
  for (const PluginRegistry::Plugin& plugin : registry.plugins()) {
    const auto stamp = stamp_of(plugin.path);
    if (!stamp) throw IoError("stat", plugin.path, errno);
    plugins.push_back(to_json({plugin.path, plugin.family, plugin.about, stamp->first, stamp->second,
                               indexed_models(plugin.models)}));
  }
  const json index{{"abi", kPluginAbi}, {"plugins", std::move(plugins)}};
  replace_file((fs::path(folder) / kName).string(), json_text(index, 1) + '\n');
}

}  // namespace mhub
