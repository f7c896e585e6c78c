// SPDX-License-Identifier: Apache-2.0
#include "mhub/plugin/plugin_index.hpp"

#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/config_reader.hpp"
#include "mhub/plugin/registry.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace mhub {
namespace {

constexpr const char* kName = "mhub_plugins.json";

IndexedPlugin from_json(const ConfigReader& entry, const std::string& folder) {
  IndexedPlugin plugin;
  plugin.path = (fs::path(folder) / fs::path(entry.string("file")).filename()).string();
  plugin.family = entry.string("family");
  plugin.about = entry.string("about");
  plugin.size = static_cast<std::uint64_t>(entry.integer("size"));
  plugin.modified = entry.integer("modified");
  for (const json& one : entry.json().at("models")) {
    const ConfigReader model(one, entry.file() + ": models");
    plugin.models.push_back(
        {model.string("class"), model.string("model_type"), model.string("bridge_provider", "")});
  }
  return plugin;
}

json to_json(const IndexedPlugin& plugin) {
  json models = json::array();
  for (const IndexedModel& model : plugin.models) {
    json& one = models.emplace_back(json{{"class", model.class_name}, {"model_type", model.model_type}});
    if (!model.bridge_provider.empty()) one["bridge_provider"] = model.bridge_provider;
  }
  return {{"file", fs::path(plugin.path).filename().string()},
          {"family", plugin.family},
          {"about", plugin.about},
          {"size", plugin.size},
          {"modified", plugin.modified},
          {"models", std::move(models)}};
}

bool unchanged(const IndexedPlugin& plugin) {
  struct stat status {};
  return ::stat(plugin.path.c_str(), &status) == 0 &&
         static_cast<std::uint64_t>(status.st_size) == plugin.size &&
         status.st_mtim.tv_sec == plugin.modified;
}

}  // namespace

IndexedPlugin stamp_of(const std::string& library) {
  struct stat status {};
  if (::stat(library.c_str(), &status) != 0) throw IoError("stat", library, errno);
  return {library, {}, {}, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec, {}};
}

std::vector<IndexedPlugin> read_plugin_index(const std::string& folder) {
  const std::string file = (fs::path(folder) / kName).string();
  if (!fs::is_regular_file(file)) return {};
  const ConfigReader index(parse_json_file(file, 1 << 22), file);
  if (index.integer("abi") != kPluginAbi) return {};
  std::vector<IndexedPlugin> plugins;
  for (const json& one : index.json().value("plugins", json::array())) {
    const ConfigReader entry(one, file);
    if (!entry.json().contains("models") || !entry.json()["models"].is_array())
      entry.fail("models", "expected a list");
    IndexedPlugin plugin = from_json(entry, folder);
    if (unchanged(plugin)) plugins.push_back(std::move(plugin));
  }
  return plugins;
}

void write_plugin_index(const std::string& folder) {
  const PluginRegistry registry({folder}, PluginRegistry::Index::ignored);
  for (const PluginRegistry::Broken& broken : registry.broken())
    throw InputError(broken.path + ": " + broken.reason);
  json plugins = json::array();
  for (const PluginRegistry::Plugin& plugin : registry.plugins()) {
    IndexedPlugin entry = stamp_of(plugin.path);
    entry.family = plugin.family;
    entry.about = plugin.about;
    entry.models = indexed_models(plugin.models);
    plugins.push_back(to_json(entry));
  }
  const json index{{"abi", kPluginAbi}, {"plugins", std::move(plugins)}};
  replace_file((fs::path(folder) / kName).string(), index.dump(1) + '\n');
}

}  // namespace mhub
