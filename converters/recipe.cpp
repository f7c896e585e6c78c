// SPDX-License-Identifier: Apache-2.0
#include "recipe.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <span>

#include <yaml-cpp/yaml.h>

#include "convert_keys.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

/// A scalar's text.
std::string text(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  throw UsageError(std::string("expected a string, found ") + (node.IsNull() ? "nothing" : "a list or map"));
}

/// Keys that only a recipe has: on the command line they are arguments.
constexpr std::array<ConvertKey, 2> kPlaces{
    {{"source", ConvertKey::Kind::text, "", [](ConvertRequest& o, const std::string& v) { o.source = v; }},
     {"output", ConvertKey::Kind::text, "", [](ConvertRequest& o, const std::string& v) { o.output = v; }}}};

const ConvertKey* find_key(std::string_view name) {
  for (const std::span<const ConvertKey> keys : {std::span<const ConvertKey>(kPlaces), convert_keys()}) {
    for (const ConvertKey& key : keys) {
      if (name == key.name) return &key;
    }
  }
  return nullptr;
}

void set_key(const ConvertKey& key, ConvertRequest& options, const YAML::Node& node) {
  const char* expected = key.kind == ConvertKey::Kind::number ? "an integer"
                         : key.kind == ConvertKey::Kind::flag ? "true or false"
                                                              : "a string";
  if (!node.IsScalar())
    throw UsageError(std::string("expected ") + expected + ", found " +
                     (node.IsNull() ? "nothing" : "a list or map"));
  bool flag = false;
  // YAML spells booleans in more ways than the command line.
  if (key.kind == ConvertKey::Kind::flag && YAML::convert<bool>::decode(node, flag))
    return key.set(options, flag ? "true" : "false");
  key.set(options, node.Scalar());
}

constexpr std::array<const char*, 4> kTopKeys{"name", "description", "defaults", "conversions"};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string unknown_key(const std::string& key, bool top) {
  std::vector<std::string> known;
  for (const ConvertKey& one : kPlaces) known.emplace_back(one.name);
  for (const ConvertKey& one : convert_keys()) known.emplace_back(one.name);
  if (top) known.insert(known.end(), kTopKeys.begin(), kTopKeys.end());
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
        return edit_distance(a, key) < edit_distance(b, key);
      });
  return "unknown key \"" + key + "\"; did you mean \"" + *nearest + "\"?";
}

std::string place(const std::string& path, const YAML::Mark& mark) {
  // An empty file has no mark: -1.
  return path + ":" + std::to_string(std::max(mark.line, 0) + 1) + ":" +
         std::to_string(std::max(mark.column, 0) + 1);
}

bool is_top_key(const std::string& key) {
  return std::find(kTopKeys.begin(), kTopKeys.end(), key) != kTopKeys.end();
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  Recipe read(const std::vector<std::pair<std::string, std::string>>& overrides) {
    const YAML::Node root = load();
    require_map(root, "a recipe");
    Recipe recipe;
    if (root["name"]) recipe.name = guarded(root["name"], "name", [&] { return text(root["name"]); });
    if (root["description"])
      recipe.description =
          guarded(root["description"], "description", [&] { return text(root["description"]); });
    ConvertRequest defaults;
    defaults.run.verify = true;
    if (const YAML::Node given = root["defaults"]) apply(given, defaults, false);
    if (const YAML::Node list = root["conversions"]) {
      if (!list.IsSequence() || list.size() == 0)
        fail(list.Mark(), "conversions: expected a list of conversions");
      for (const YAML::Node& one : list) recipe.conversions.push_back(conversion(one, defaults, false));
      for (const auto& pair : root) {
        if (!is_top_key(pair.first.Scalar()))
          fail(pair.first.Mark(),
               "key \"" + pair.first.Scalar() + "\" beside conversions; put it under defaults");
      }
    } else {
      recipe.conversions.push_back(conversion(root, defaults, true));
    }
    for (const auto& [key, value] : overrides) apply_override(key, value, recipe.conversions);
    for (std::size_t i = 0; i < recipe.conversions.size(); ++i) {
      const YAML::Node where = root["conversions"] ? root["conversions"][i] : root;
      if (recipe.conversions[i].source.empty()) fail(where.Mark(), "source is missing");
      if (recipe.conversions[i].output.empty()) fail(where.Mark(), "output is missing");
    }
    return recipe;
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw InputError(place(path_, mark) + ": " + what);
  }

  YAML::Node load() const {
    const std::string content = read_file(path_, 16 << 20);
    try {
      return YAML::Load(content);
    } catch (const YAML::Exception& error) {
      fail(error.mark, "not valid YAML: " + error.msg);
    }
  }
  void require_map(const YAML::Node& node, const std::string& what) const {
    if (!node.IsMap()) fail(node.Mark(), "expected " + what + " as a map of keys");
  }
  template <typename Function>
  auto guarded(const YAML::Node& node, const std::string& key, const Function& function) const
      -> decltype(function()) {
    try {
      return function();
    } catch (const UsageError& error) {
      fail(node.Mark(), key + ": " + error.what());
    }
  }

  void apply(const YAML::Node& map, ConvertRequest& options, bool top) const {
    require_map(map, "a conversion");
    std::vector<std::string> seen;
    for (const auto& pair : map) {
      const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
      if (std::find(seen.begin(), seen.end(), key) != seen.end())
        fail(pair.first.Mark(), "key \"" + key + "\" is there twice");
      seen.push_back(key);
      if (top && is_top_key(key)) continue;
      const ConvertKey* known = find_key(key);
      if (known == nullptr) fail(pair.first.Mark(), unknown_key(key, top));
      guarded(pair.second, key, [&] { set_key(*known, options, pair.second); });
    }
  }
  ConvertRequest conversion(const YAML::Node& node, const ConvertRequest& defaults, bool top) const {
    ConvertRequest options = defaults;
    apply(node, options, top);
    return options;
  }
  /// "tp" means every conversion, "conversions.1.tp" the second one.
  static void apply_override(const std::string& key, const std::string& value,
                             std::vector<ConvertRequest>& conversions) {
    constexpr std::string_view kPrefix = "conversions.";
    std::span<ConvertRequest> chosen = conversions;
    std::string_view name = key;
    if (name.starts_with(kPrefix)) {
      name.remove_prefix(kPrefix.size());
      std::size_t index = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + name.size(), index);
      if (parsed.ec != std::errc() || parsed.ptr == name.data() + name.size() || *parsed.ptr != '.' ||
          index >= conversions.size()) {
        throw UsageError("--set " + key + ": expected conversions.N.key with N from 0 to " +
                         std::to_string(conversions.size() - 1));
      }
      name = std::string_view(parsed.ptr + 1, name.data() + name.size());
      chosen = chosen.subspan(index, 1);
    }
    const ConvertKey* known = find_key(name);
    if (known == nullptr) throw UsageError("--set " + key + ": " + unknown_key(std::string(name), false));
    try {
      for (ConvertRequest& options : chosen) set_key(*known, options, YAML::Node(value));
    } catch (const UsageError& error) {
      throw UsageError("--set " + key + ": " + error.what());
    }
  }

  std::string path_;
};

}  // namespace

Recipe read_recipe(const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides) {
  return Reader(path).read(overrides);
}

}  // namespace mhub::converters
