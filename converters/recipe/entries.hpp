// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "recipe.hpp"
#include "recipe_file.hpp"

namespace mhub::converters {

/// An entry before its variables have values.
struct WrittenEntry {
  std::string name;
  Place place;
  std::size_t item = 0;                      ///< its number in the recipe's list
  std::vector<YamlPair> keys;                ///< its own, over those of the matrix and the defaults
  std::vector<YamlPair> variables, labels;   ///< of the matrix (Combination)
  std::map<std::string, std::string> found;  ///< run and iteration, where `sources` found it
  std::set<std::string> asked;               ///< the names that its texts have asked for

  const YamlPair* find(std::string_view key) const;
  /// Adds a key, or replaces it.
  void set(YamlPair pair);
};

/// All entries of a recipe, and what their texts are with variables.
class RecipeText {
 public:
  explicit RecipeText(std::vector<YamlPair> variables) : variables_(std::move(variables)) {}

  std::vector<WrittenEntry> entries;

  /// Replaces a variable. Throws UsageError for one that is not there.
  void set_variable(const std::string& name, const YamlPair& value);
  /// The text of a scalar of an entry; of a path with the home folder. `expected` says what it should be.
  std::string text(std::size_t entry, const YamlPair& pair, KeyKind kind = KeyKind::text);
  /// Entries whose outputs the texts of this one name.
  std::set<std::size_t> uses(std::size_t entry) const;
  /// The entry of that name; throws UsageError for none.
  std::size_t named(const std::string& name) const;
  /// Variables of its matrix that no text asked for.
  std::vector<YamlPair> unused(std::size_t entry) const;
  /// Forgets what was worked out: keys have changed.
  void forget();

 private:
  std::string lookup(std::size_t entry, const std::string& name);
  std::string value_of(std::size_t entry, const std::string& name);
  [[noreturn]] void unknown(std::size_t entry, const std::string& name) const;

  std::vector<YamlPair> variables_;
  using Reference = std::pair<std::size_t, std::string>;
  std::map<Reference, std::string> known_;
  std::vector<Reference> active_;
  std::map<std::size_t, std::set<std::size_t>> uses_;
  std::size_t spent_ = 0;  ///< bytes of all texts so far
};

/// Throws InputError "place: key: what", or UsageError for a --set.
[[noreturn]] void fail_value(const YamlPair& pair, const std::string& what);

}  // namespace mhub::converters
