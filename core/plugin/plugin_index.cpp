// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"
#include "mhub/plugin/registry.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace mhub {
namespace {

constexpr const char* kName = "mhub_plugins.json";

/// Size and time of modification; nothing where there is no such file.
std::optional<std::pair<std::uint64_t, std::int64_t>> stamp_of(const std::string& library) {
  struct stat status {};
  if (::stat(library.c_str(), &status) != 0) return std::nullopt;
  return std::pair(static_cast<std::uint64_t>(status.st_size), std::int64_t{status.st_mtim.tv_sec});
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

}  // namespace

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
  replace_file((fs::path(folder) / kName).string(), index.dump(1) + '\n');
}

}  // namespace mhub
