// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entries.hpp"
#include "recipe.hpp"

namespace mhub::converters {

/// Makes the recipe's entries of what is written, checks each and all of them together.
void resolve_entries(RecipeText& text, Recipe& recipe);

}  // namespace mhub::converters
