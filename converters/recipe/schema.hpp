// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace mhub::converters {

/// The JSON Schema of recipes, for editors, made of the tables of keys: recipes/recipe.schema.json, which
/// `mhub run --schema` prints.
nlohmann::json recipe_schema();

}  // namespace mhub::converters
