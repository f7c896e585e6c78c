// SPDX-License-Identifier: Apache-2.0
#include "mhub/plugin/registry.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <boost/dll/runtime_symbol_info.hpp>
#include <boost/dll/shared_library.hpp>
#include <boost/filesystem.hpp>

#include "mhub/base/error.hpp"

namespace fs = boost::filesystem;

namespace mhub {

struct PluginRegistry::Libraries {
  std::vector<boost::dll::shared_library> loaded;
};

const PluginRegistry& PluginRegistry::instance() {
  static const PluginRegistry registry;
  return registry;
}

PluginRegistry::~PluginRegistry() {
  // Descriptors hold code of the plugins; they go before the libraries.
  plugins_.clear();
}

PluginRegistry::PluginRegistry() : libraries_(std::make_unique<Libraries>()) {
  if (const char* path = std::getenv("MHUB_PLUGIN_PATH")) {
    const std::string folders = path;
    for (std::size_t begin = 0; begin < folders.size();) {
      const std::size_t end = std::min(folders.find(':', begin), folders.size());
      if (end > begin) load_folder(folders.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  // libmhub.so lies in <prefix>/lib, in the build tree and installed alike; Debian's multi-arch adds one
  // level.
  const fs::path library = boost::dll::this_line_location();
  for (const fs::path& prefix :
       {library.parent_path().parent_path(), library.parent_path().parent_path().parent_path()}) {
    if (fs::is_directory(prefix / MHUB_PLUGIN_DIR)) {
      load_folder((prefix / MHUB_PLUGIN_DIR).string());
      break;
    }
  }
}

void PluginRegistry::load_folder(const std::string& folder) {
  boost::system::error_code error;
  std::set<std::string> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("libmhub_plugin_") && name.ends_with(".so")) files.insert(it->path().string());
  }
  if (error) broken_.push_back({folder, error.message()});
  for (const std::string& file : files) load(file);
}

void PluginRegistry::load(const std::string& path) {
  try {
    // Not RTLD_GLOBAL: families must not see each other's symbols.
    boost::dll::shared_library library(path,
                                       boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    if (!library.has("mhub_plugin_abi") || !library.has("mhub_plugin_register")) {
      throw std::runtime_error("not an mhub plugin: mhub_plugin_abi or mhub_plugin_register is missing");
    }
    const unsigned abi = library.get<const unsigned>("mhub_plugin_abi");
    if (abi != kPluginAbi) {
      throw std::runtime_error("built for plugin ABI " + std::to_string(abi) + ", this mhub has " +
                               std::to_string(kPluginAbi) + "; rebuild the plugin");
    }
    PluginRegistrar registrar;
    library.get<void(PluginRegistrar&)>("mhub_plugin_register")(registrar);
    for (ModelDescriptor& model : registrar.models) {
      if (find_class(model.class_name) != nullptr) {
        throw std::runtime_error(model.class_name + " is already registered by plugin " +
                                 find_class(model.class_name)->plugin);
      }
      model.plugin = registrar.family;
    }
    libraries_->loaded.push_back(std::move(library));
    plugins_.push_back({registrar.family, registrar.about, path, std::move(registrar.models)});
  } catch (const std::exception& error) {
    broken_.push_back({path, error.what()});
  }
}

const ModelDescriptor* PluginRegistry::find_class(const std::string& class_name) const {
  for (const Plugin& plugin : plugins_) {
    for (const ModelDescriptor& model : plugin.models) {
      if (model.class_name == class_name) return &model;
    }
  }
  return nullptr;
}

const ModelDescriptor* PluginRegistry::find_bridge_provider(const std::string& class_path) const {
  for (const Plugin& plugin : plugins_) {
    for (const ModelDescriptor& model : plugin.models) {
      if (model.bridge_fields && model.bridge_provider == class_path) return &model;
    }
  }
  return nullptr;
}

const ModelDescriptor& PluginRegistry::find(const ConfigReader& config) const {
  const std::vector<std::string> architectures = config.strings("architectures");
  for (const std::string& name : architectures) {
    if (const ModelDescriptor* model = find_class(name)) return *model;
  }
  const std::string type = config.string("model_type", "");
  std::string known;
  for (const Plugin& plugin : plugins_) {
    for (const ModelDescriptor& model : plugin.models) {
      if (architectures.empty() && model.model_type == type) return model;
      known += (known.empty() ? "" : ", ") + model.class_name;
    }
  }
  const std::string wanted = architectures.empty() ? "model_type \"" + type + "\"" : architectures.front();
  throw InputError(config.file() + ": no plugin for " + wanted + "; known are " +
                   (known.empty() ? "none" : known) +
                   " (mhub plugins lists them; MHUB_PLUGIN_PATH adds folders)");
}

}  // namespace mhub
