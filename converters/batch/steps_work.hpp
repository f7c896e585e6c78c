// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include <nlohmann/json.hpp>

#include "converters/recipe/recipe.hpp"
#include "mhub/base/progress.hpp"

namespace mhub::converters {

/// How a step is done: threads, and who watches.
struct StepContext {
  int threads = 0;
  Callbacks callbacks = {};
};

/// The work of the steps beside the conversion. Each returns what there is to report and throws mhub::Error;
/// a check that ran and failed is a MismatchError.

/// Brings all of a source on the Hub into the cache.
nlohmann::json do_download(const RecipeEntry& entry, const StepContext& context);
/// Continues the prompt greedily: all logits are finite, tokens come, and what was expected is in their text.
nlohmann::json do_generate(const RecipeEntry& entry, const StepContext& context);
/// Compares the logits of the output with those of its source.
nlohmann::json do_logits(const RecipeEntry& entry, const StepContext& context);
/// `own` are the files that earlier runs of the entry brought there (UploadOptions::own).
nlohmann::json do_upload(const RecipeEntry& entry, const StepContext& context, std::set<std::string> own);

}  // namespace mhub::converters
