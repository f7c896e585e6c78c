// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include <nlohmann/json.hpp>

#include "converters/recipe/recipe.hpp"
#include "mhub/base/progress.hpp"

namespace mhub::converters {

/// How it would be run.
struct DryRunOptions {
  std::size_t at_once = 1;
  int threads = 0;  ///< of each
  Callbacks callbacks = {};
};

/// What a run of a recipe, or of `only` some of its entries, would do, as output.schema.json has it
/// (dry_run): of each entry what its plan says, what has been done of it, what it needs; and of all of them
/// disk, memory and time. An entry whose source another one has yet to write is planned from the source of
/// that one. Nothing is written.
nlohmann::json dry_run(const Recipe& recipe, const std::set<std::size_t>& only, const DryRunOptions& options);

/// The same for people.
void print_dry_run(const nlohmann::json& run);

}  // namespace mhub::converters
