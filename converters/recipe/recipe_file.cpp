// SPDX-License-Identifier: Apache-2.0
#include "recipe_file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include "keys.hpp"
#include "mhub/base/error.hpp"
#include "steps.hpp"
#include "variables.hpp"

namespace mhub::converters {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepestInclude = 16;
constexpr std::size_t kMostFiles = 256;

constexpr std::array<const char*, 6> kTopKeys{"name",      "description", "include",
                                              "variables", "defaults",    "conversions"};

std::string text_of(const YamlPair& pair) {
  if (pair.value->kind != YamlNode::Kind::scalar)
    fail_at(pair.value->place, pair.key + ": expected a string, found " + pair.value->found());
  return pair.value->text;
}

/// A pipe, /dev/stdin, has no such path.
fs::path real_file(const std::string& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  return error ? fs::path(path) : real;
}

/// Adds pairs; those that are there are replaced.
void overlay(std::vector<YamlPair>& onto, const std::vector<YamlPair>& pairs) {
  for (const YamlPair& pair : pairs) {
    const auto same =
        std::find_if(onto.begin(), onto.end(), [&](const YamlPair& one) { return one.key == pair.key; });
    if (same == onto.end()) {
      onto.push_back(pair);
    } else {
      *same = pair;
    }
  }
}

/// A conversion's keys by their short names.
YamlPointer checked_entry(const YamlPointer& map, bool top) {
  if (map->kind != YamlNode::Kind::map)
    fail_at(map->place, "expected a conversion as a map of keys, found " + map->found());
  std::vector<YamlPair> pairs;
  for (YamlPair pair : map->pairs) {
    if (top && is_top_key(pair.key)) continue;
    const std::string written = pair.key;
    pair.key = short_name(pair.key);
    if (!is_entry_key(pair.key)) fail_at(pair.place, unknown_entry_key(written, top));
    for (const YamlPair& other : pairs) {
      if (other.key == pair.key)
        fail_at(pair.place,
                "key \"" + written + "\" is there twice, as \"" + pair.key + "\" too; leave one out");
    }
    pairs.push_back(std::move(pair));
  }
  return make_map(std::move(pairs), map->place);
}

class FileReader {
 public:
  void read(const std::string& path, const Place* included_at) {
    check_includes(path, included_at);
    open_.push_back(real_file(path));
    const YamlPointer root = read_yaml(path);
    if (root->kind != YamlNode::Kind::map)
      fail_at(root->place, "expected a recipe as a map of keys, found " + root->found());
    if (const YamlPair* include = root->find("include")) read_included(path, *include);
    if (const YamlPair* pair = root->find("variables")) read_variables(*pair);
    if (const YamlPair* pair = root->find("defaults")) read_defaults(*pair);
    if (const YamlPair* pair = root->find("conversions")) {
      read_list(*root, *pair);
    } else if (open_.size() == 1 || has_entry(*root)) {
      read_single(root);
    }
    if (open_.size() == 1) {
      if (const YamlPair* pair = root->find("name")) result_.name = text_of(*pair);
      if (const YamlPair* pair = root->find("description")) result_.description = text_of(*pair);
    }
    open_.pop_back();
  }
  RecipeFile result() { return std::move(result_); }

 private:
  static bool has_entry(const YamlNode& root) {
    return std::any_of(root.pairs.begin(), root.pairs.end(),
                       [](const YamlPair& pair) { return !is_top_key(pair.key); });
  }
  void check_includes(const std::string& path, const Place* included_at) const {
    if (included_at == nullptr) return;
    const auto same = std::find(open_.begin(), open_.end(), real_file(path));
    if (same != open_.end()) {
      std::string chain;
      for (auto one = same; one != open_.end(); ++one) chain += one->filename().string() + " -> ";
      fail_at(*included_at, "include: " + chain + fs::path(path).filename().string() +
                                " include each other; take one include out");
    }
    if (open_.size() > kDeepestInclude)
      fail_at(*included_at, "include: more than " + std::to_string(kDeepestInclude) +
                                " files include each other in a row; include fewer");
    if (!fs::is_regular_file(path))
      fail_at(*included_at,
              "include: " + path + ": no such file; names are relative to the file that includes");
  }
  void read_included(const std::string& path, const YamlPair& include) {
    std::vector<YamlPointer> names{include.value};
    if (include.value->kind == YamlNode::Kind::list) names = include.value->items;
    for (const YamlPointer& name : names) {
      const std::string written = text_of({"include", include.place, name});
      if (++files_ > kMostFiles)
        fail_at(name->place, "include: more than " + std::to_string(kMostFiles) + " files; include fewer");
      try {
        const fs::path file = with_home(written);
        read((file.is_absolute() ? file : fs::path(path).parent_path() / file).string(), &name->place);
      } catch (const UsageError& error) {
        fail_at(name->place, "include: " + std::string(error.what()));
      }
    }
  }
  void read_variables(const YamlPair& pair) {
    if (pair.value->kind != YamlNode::Kind::map)
      fail_at(pair.value->place,
              "variables: expected a map of names and texts, found " + pair.value->found());
    for (const YamlPair& one : pair.value->pairs) {
      const bool word = !one.key.empty() && one.key.find_first_of("${}:. ") == std::string::npos;
      if (!word)
        fail_at(one.place,
                "variables: \"" + one.key + "\" is no name of a variable; use letters, digits, _ and -");
      if (is_entry_key(one.key) || one.key == "run" || one.key == "name")
        fail_at(one.place, "variables: " + one.key + " is the name of a key, and ${" + one.key +
                               "} that key's value; choose another name");
      if (one.value->kind != YamlNode::Kind::scalar)
        fail_at(one.value->place,
                "variables: " + one.key + ": expected a string, found " + one.value->found());
    }
    overlay(result_.variables, pair.value->pairs);
  }
  void read_defaults(const YamlPair& pair) {
    const YamlPointer map = checked_entry(pair.value, false);
    for (const YamlPair& one : map->pairs) {
      if (one.key == "name" || one.key == "matrix" || one.key == "sources")
        fail_at(one.place, one.key + ": belongs to one conversion, not to defaults; move it there");
    }
    overlay(result_.defaults, map->pairs);
  }
  void read_list(const YamlNode& root, const YamlPair& pair) {
    if (pair.value->kind != YamlNode::Kind::list || pair.value->items.empty())
      fail_at(pair.value->place, "conversions: expected a list of conversions, found " +
                                     (pair.value->items.empty() && pair.value->kind == YamlNode::Kind::list
                                          ? "an empty one"
                                          : pair.value->found()));
    for (const YamlPair& one : root.pairs) {
      if (!is_top_key(one.key))
        fail_at(one.place, "key \"" + one.key + "\" beside conversions; put it under defaults");
    }
    for (const YamlPointer& one : pair.value->items)
      result_.items.push_back({checked_entry(one, false), true});
  }
  void read_single(const YamlPointer& root) {
    // Only what is included is converted.
    if (!has_entry(*root) && !result_.items.empty()) return;
    result_.items.push_back({checked_entry(root, true), false});
  }

  RecipeFile result_;
  std::vector<fs::path> open_;
  std::size_t files_ = 0;
};

}  // namespace

const std::vector<EntryKey>& entry_keys() {
  static const std::vector<EntryKey> keys{
      {"name", "what reports and --set call it; no other one may have it"},
      {"needs", "names of conversions that come before this one"},
      {"sources", "a pattern of paths, runs/*/iter_*: one conversion for each that is found"},
      {"download", "bring all of a source on the Hub into the cache before the conversion begins"},
      {"parts", "processes that share the conversion under --executor slurm or mpi"},
      {"matrix", "lists of values: one conversion for every combination"}};
  return keys;
}

bool is_top_key(std::string_view key) {
  return std::find(kTopKeys.begin(), kTopKeys.end(), key) != kTopKeys.end();
}

bool is_entry_key(std::string_view key) {
  const auto& own = entry_keys();
  return find_convert_key(key) != nullptr || find_step(key) != nullptr ||
         std::any_of(own.begin(), own.end(), [&](const EntryKey& one) { return key == one.name; });
}

std::string unknown_entry_key(const std::string& key, bool top) {
  std::vector<std::string> known;
  for (const std::span<const ConvertKey> keys : {place_keys(), convert_keys()}) {
    for (const ConvertKey& one : keys) known.emplace_back(one.name);
  }
  for (const Spelling& one : spellings()) known.emplace_back(one.name);
  for (const StepKind& one : step_kinds()) known.emplace_back(one.name);
  for (const EntryKey& one : entry_keys()) known.emplace_back(one.name);
  if (top) known.insert(known.end(), kTopKeys.begin(), kTopKeys.end());
  return "unknown key \"" + key + "\"" + suggestion(key, known, "recipes/README.md lists the keys");
}

RecipeFile read_recipe_file(const std::string& path) {
  FileReader reader;
  reader.read(path, nullptr);
  return reader.result();
}

}  // namespace mhub::converters
