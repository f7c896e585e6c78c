// SPDX-License-Identifier: Apache-2.0
#include "recipe.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "entries.hpp"
#include "matrix.hpp"
#include "mhub/base/error.hpp"
#include "mhub/formats/format.hpp"
#include "overrides.hpp"
#include "resolve.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kMostEntries = 10'000;
constexpr std::size_t kLongestName = 200;  // files are called NAME.log.txt

/// Its own keys, those of the matrix and the defaults, in this order. Of a step that several have, keys of
/// the map are put together.
WrittenEntry layered(const RecipeFile::Item& item, const Combination& combination,
                     const std::vector<YamlPair>& defaults) {
  WrittenEntry entry;
  entry.place = item.map->place;
  entry.variables = combination.variables;
  entry.labels = combination.labels;
  for (const YamlPair& pair : item.map->pairs) {
    if (pair.key != "matrix" && pair.key != "name") entry.keys.push_back(pair);
  }
  for (const YamlPair& pair : combination.keys) {
    if (const YamlPair* other = entry.find(pair.key))
      fail_at(other->place, other->key + ": the matrix has values for it, too; leave one out");
    entry.keys.push_back(pair);
  }
  const bool has_sources = entry.find("sources") != nullptr;
  for (const YamlPair& pair : defaults) {
    if (pair.key == "source" && has_sources) continue;
    const YamlPair* own = entry.find(pair.key);
    if (own == nullptr) {
      entry.keys.push_back(pair);
    } else if (find_step(pair.key) != nullptr && own->value->kind == YamlNode::Kind::map &&
               pair.value->kind == YamlNode::Kind::map) {
      std::vector<YamlPair> keys = own->value->pairs;
      for (const YamlPair& one : pair.value->pairs) {
        if (own->value->find(one.key) == nullptr) keys.push_back(one);
      }
      entry.set({pair.key, own->place, make_map(std::move(keys), own->value->place)});
    }
  }
  return entry;
}

/// A path that was found, as text in which variables are looked for.
std::string as_it_is(std::string path) {
  for (std::size_t at = path.find("${"); at != path.npos; at = path.find("${", at + 3)) path.insert(at, "$");
  return path;
}

std::vector<FoundSource> found_by(const YamlPair& pair, const std::string& pattern) {
  try {
    return find_sources(pattern);
  } catch (const UsageError& error) {
    fail_value(pair, error.what());
  }
}

/// One entry for each path that `sources` finds; the entry itself where it has none.
std::vector<WrittenEntry> expand_sources(const WrittenEntry& entry, RecipeText& text,
                                         std::vector<std::string>& notes) {
  const YamlPair* sources = entry.find("sources");
  if (sources == nullptr) return {entry};
  if (const YamlPair* source = entry.find("source"))
    fail_at(source->place, "source: stands beside sources; leave one out");
  std::vector<YamlPointer> patterns{sources->value};
  if (sources->value->kind == YamlNode::Kind::list) patterns = sources->value->items;
  std::vector<WrittenEntry> found;
  text.entries.push_back(entry);  // to have a place whose variables are known
  for (const YamlPointer& one : patterns) {
    const YamlPair pair{"sources", sources->place, one};
    const std::string pattern = text.text(text.entries.size() - 1, pair, KeyKind::path);
    const std::vector<FoundSource> paths = found_by(pair, pattern);
    if (paths.empty()) {
      const std::filesystem::path fixed = pattern.substr(0, pattern.find_first_of("*?["));
      const std::filesystem::path folder = fixed.has_parent_path() ? fixed.parent_path() : ".";
      if (!std::filesystem::is_directory(folder))
        fail_value(pair, "there is no folder " + folder.string() + " to look for " + pattern + " in");
      notes.push_back(one->place.text() + ": sources: nothing is called " + pattern + " yet");
    }
    for (const FoundSource& path : paths) {
      WrittenEntry& added = found.emplace_back(text.entries.back());
      std::erase_if(added.keys, [](const YamlPair& key) { return key.key == "sources"; });
      added.set({"source", sources->place, make_scalar(as_it_is(path.path), one->place)});
      added.found = {{"run", path.run}, {"iteration", path.iteration}};
    }
  }
  text.entries.pop_back();
  text.forget();
  return found;
}

/// What an entry is called where it does not say: what tells it from the others of its matrix or pattern,
/// else its output.
std::string own_label(const WrittenEntry& entry, const std::string& label) {
  std::string name = label;
  for (const char* part : {"run", "iteration"}) {
    const auto found = entry.found.find(part);
    if (found != entry.found.end()) name += (name.empty() ? "" : "-") + name_part(found->second);
  }
  return name;
}

class RecipeMaker {
 public:
  RecipeMaker(RecipeFile file, const Overrides& overrides)
      : file_(std::move(file)), overrides_(overrides), text_(file_.variables) {}

  Recipe make() {
    for (std::size_t item = 0; item < file_.items.size(); ++item) expand(item);
    apply_overrides(overrides_, file_.items.size(), false, text_);
    expand_patterns();
    for (std::size_t k = 0; k < text_.entries.size(); ++k) name(k);
    require_unique_names();
    apply_overrides(overrides_, file_.items.size(), true, text_);
    text_.forget();
    recipe_.name = file_.name;
    recipe_.description = file_.description;
    resolve_entries(text_, recipe_);
    return std::move(recipe_);
  }

 private:
  void expand(std::size_t item) {
    const YamlPair* matrix = file_.items[item].map->find("matrix");
    const std::vector<Combination> combinations =
        matrix == nullptr ? std::vector<Combination>(1) : expand_matrix(*matrix);
    for (const Combination& one : combinations) {
      add(layered(file_.items[item], one, file_.defaults), item, one.label);
    }
  }
  void add(WrittenEntry entry, std::size_t item, std::string label) {
    if (text_.entries.size() == kMostEntries)
      fail_at(entry.place,
              "more than " + std::to_string(kMostEntries) + " conversions; make it several recipes");
    entry.item = item;
    text_.entries.push_back(std::move(entry));
    labels_.push_back(std::move(label));
  }
  void expand_patterns() {
    const std::vector<WrittenEntry> before = std::move(text_.entries);
    const std::vector<std::string> labels = std::move(labels_);
    text_.entries.clear();
    labels_.clear();
    for (std::size_t k = 0; k < before.size(); ++k) {
      for (WrittenEntry& one : expand_sources(before[k], text_, recipe_.notes)) {
        std::string label = own_label(one, labels[k]);
        add(std::move(one), before[k].item, std::move(label));
      }
    }
  }
  void name(std::size_t k) {
    WrittenEntry& entry = text_.entries[k];
    const YamlPair* given = file_.items[entry.item].map->find("name");
    const std::string& label = labels_[k];
    if (given != nullptr) {
      const std::string text = text_.text(k, *given);
      const bool varies = given->value->text.find('{') != std::string::npos;
      entry.name = label.empty() || varies ? text : text + "-" + label;
      if (entry.name.empty() || name_part(entry.name) != entry.name)
        fail_value(*given, "expected letters, digits, and ._+-, found \"" + entry.name + "\"");
      if (entry.name.size() > kLongestName)
        fail_value(*given, "longer than " + std::to_string(kLongestName) + " letters; choose a shorter one");
    } else if (!label.empty() && label.size() <= kLongestName) {
      entry.name = label;
    } else if (!file_.items[entry.item].listed && !file_.name.empty()) {
      entry.name = name_part(file_.name).substr(0, kLongestName);
    } else {
      entry.name = name_of_place(k);
    }
  }
  bool taken(const std::string& name) const {
    return std::any_of(text_.entries.begin(), text_.entries.end(),
                       [&](const WrittenEntry& one) { return one.name == name; });
  }
  /// The last part of the output's path, or the whole where another one has it, too.
  std::string name_of_place(std::size_t k) {
    const WrittenEntry& entry = text_.entries[k];
    const YamlPair* place = entry.find("output") != nullptr ? entry.find("output") : entry.find("source");
    // It may be made of another entry's output, which has no name yet.
    std::string name;
    if (place != nullptr && place->value->text.find("${outputs.") == std::string::npos) {
      const std::filesystem::path path =
          std::filesystem::path(text_.text(k, *place, KeyKind::path)).lexically_normal();
      name = name_part((path.has_filename() ? path : path.parent_path()).filename().string());
      if (taken(name)) name = name_part(path.string());
    }
    return name.empty() || name.size() > kLongestName || taken(name) ? "conversion-" + std::to_string(k)
                                                                     : name;
  }
  void require_unique_names() const {
    std::set<std::string> names;
    for (const WrittenEntry& entry : text_.entries) {
      if (names.insert(entry.name).second) continue;
      const YamlPair* given = file_.items[entry.item].map->find("name");
      fail_at(given != nullptr ? given->value->place : entry.place,
              "name: " + entry.name + " is that of another conversion, too; give each a name of its own");
    }
  }

  RecipeFile file_;
  const Overrides& overrides_;
  RecipeText text_;
  std::vector<std::string> labels_;  ///< parallel to the entries
  Recipe recipe_;
};

}  // namespace

bool RecipeEntry::keeps() const {
  const std::string& format = request.write.format;
  return converts() && (format.empty() || !format_named(format).discards());
}

Recipe read_recipe(const std::string& path, const Overrides& overrides) {
  return RecipeMaker(read_recipe_file(path), overrides).make();
}

}  // namespace mhub::converters
