// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "converters/recipe/recipe.hpp"

namespace mhub::converters {

/// What lies at a path, as a short text that changes when it does: of a folder the names and sizes of all
/// files and when each was changed. Of a folder that mhub wrote its manifest says what the files are, so that
/// one written anew with the same bytes is the same, and files that were changed behind it are not. Empty
/// where nothing is there.
std::string identity_of(const std::string& path);

/// What the sources of a recipe's entries are now. Thread-safe.
class SourceIdentities {
 public:
  /// Of a path here as above; of a model of the Hub its commit, which the cache or the Hub says. Empty where
  /// nobody can say: the source is gone, or the network.
  std::string of(const RecipeEntry& entry);

 private:
  std::string of_hub(const std::string& source);

  std::mutex mutex_;
  std::map<std::string, std::string> commits_;
};

}  // namespace mhub::converters
