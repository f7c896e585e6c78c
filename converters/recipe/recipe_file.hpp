// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "yaml_tree.hpp"

namespace mhub::converters {

/// A recipe as it is written, with all that it includes; nothing is worked out yet.
struct RecipeFile {
  std::string name, description;
  std::vector<YamlPair> variables, defaults;
  struct Item {
    YamlPointer map;
    bool listed;  ///< stands under conversions; else it is the file itself, whose name is the recipe's
  };
  std::vector<Item> items;
};

/// Reads a file and those that it includes, relative to it, before it: what is said here goes before what
/// they say. Keys of the maps have been checked and have their short names.
RecipeFile read_recipe_file(const std::string& path);

/// The keys that stand at the top of a file and are none of a conversion.
bool is_top_key(std::string_view key);
/// The keys of a conversion beside convert_keys(), place_keys() and the steps: name, needs, sources,
/// download, matrix.
struct EntryKey {
  const char* name;
  const char* help;
};
const std::vector<EntryKey>& entry_keys();

/// Whether a conversion may have that key, by its short name.
bool is_entry_key(std::string_view key);
/// "unknown key ...; did you mean ..."
std::string unknown_entry_key(const std::string& key, bool top);

}  // namespace mhub::converters
