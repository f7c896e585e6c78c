// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recipe.hpp"

namespace mhub::converters {

/// Looks at what all entries of a recipe read and write, by the real paths as far as they exist: an entry
/// whose source another one writes comes behind it, also where it does not say so. Throws InputError, or
/// UsageError for a --set, that names the place: outputs and uploads that are one, an output in another
/// output or in a source, around its own source, or around the current folder.
void check_places(Recipe& recipe);

}  // namespace mhub::converters
