// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "convert_keys.hpp"

namespace mhub::converters {

/// A recipe: one conversion, or a list of them with shared defaults (recipes/README.md has the keys).
struct Recipe {
  std::string name, description;
  std::vector<ConvertRequest> conversions;  ///< `verify` is on unless the recipe says otherwise
};

/// Reads a recipe. `overrides` are the --set pairs (key, value); "tp" applies to every conversion,
/// "conversions.1.tp" to the second one. Relative paths are taken as they are, from the current folder.
/// Throws InputError (file) or UsageError (--set) that names the place and, for an unknown key, the nearest
/// known one.
Recipe read_recipe(const std::string& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides);

}  // namespace mhub::converters
