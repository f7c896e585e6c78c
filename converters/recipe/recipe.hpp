// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "keys.hpp"
#include "steps.hpp"
#include "yaml_tree.hpp"

namespace mhub::converters {

/// One conversion of a recipe with the steps around it: all that is to be done to one output.
struct RecipeEntry {
  std::string name;  ///< no other entry has it
  Place place;
  std::map<std::string, YamlPair> given;  ///< the keys as they are written, for errors
  ConvertRequest request;  ///< without an output nothing is converted, and the steps are the source's
  Steps steps;
  int parts = 0;  ///< processes that share the conversion, where entries run on several machines; 0: not said
  std::vector<std::size_t> needs;  ///< entries that come before it
  /// What the output depends on, as text: keys that differ from the command's defaults, but for those that
  /// say how (ConvertKey::how). The same settings and source give the same output.
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> step_settings;  ///< the same of each step, by its name

  bool converts() const { return !request.output.empty(); }
  /// Whether an output is there afterwards: null keeps nothing.
  bool keeps() const;
  /// What the steps behind the conversion look at.
  const std::string& result() const { return converts() ? request.output : request.source; }
};

/// A recipe with everything worked out (recipes/README.md has the language).
struct Recipe {
  std::string name, description;
  std::vector<RecipeEntry> entries;  ///< `verify` is on unless the recipe says otherwise
  std::vector<std::string> notes;    ///< for people: a pattern that finds nothing yet

  /// The entries so that each comes behind those that it needs, else in the recipe's order.
  std::vector<std::size_t> order() const;
};

using Overrides = std::vector<std::pair<std::string, std::string>>;

/// Reads a recipe and what it includes. `overrides` are the --set pairs (key, value): "tp" is for every
/// entry, "conversions.1.tp" for those of the second one in the list, "NAME.tp" for one entry,
/// "variables.NAME" for a variable. Relative paths are taken as they are, from the current folder. Throws
/// InputError "file:line:column: key: what was expected and found; what to do", UsageError for --set, and
/// IoError.
Recipe read_recipe(const std::string& path, const Overrides& overrides = {});

}  // namespace mhub::converters
