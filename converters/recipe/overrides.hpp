// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entries.hpp"

namespace mhub::converters {

/// Puts what --set says into the entries; `items` is the length of the recipe's list. Those that name an
/// entry are for the second call, when entries have names. Throws UsageError.
void apply_overrides(const Overrides& overrides, std::size_t items, bool named, RecipeText& text);

}  // namespace mhub::converters
