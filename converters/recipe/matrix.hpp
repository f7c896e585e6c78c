// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "yaml_tree.hpp"

namespace mhub::converters {

/// One combination of a matrix.
struct Combination {
  std::vector<YamlPair> keys;       ///< of a conversion, by their short names
  std::vector<YamlPair> variables;  ///< all others
  std::vector<YamlPair> labels;     ///< what values that are maps are called, by their key of the matrix
  std::string conflict;             ///< two values for one key: an error, unless it is left out
  std::string label;                ///< of all its values, for a name: "org-tiny-tp2"
};

/// The combinations of a matrix: a list of values for each of its keys, the last one changing fastest. A
/// value is text for that key, or a map of several keys; its `name` is what ${key} and names of entries call
/// it. `exclude` has maps: a combination that has all of one's values is left out. `include` has maps that
/// are combinations of their own, behind the others.
std::vector<Combination> expand_matrix(const YamlPair& matrix);

/// Text as part of a name: other characters than letters, digits, and ._+- become dashes.
std::string name_part(const std::string& text);

/// What `sources` found.
struct FoundSource {
  std::string path, run, iteration;
};
/// The paths that a pattern of the shell matches, sorted. Of a Megatron run's folders iter_*, those behind
/// the one that its latest_checkpointed_iteration.txt names are still being written and left out. `run` is
/// the name of the folder around a path, `iteration` the path's own name, of iter_0000100 the number.
std::vector<FoundSource> find_sources(const std::string& pattern);

}  // namespace mhub::converters
