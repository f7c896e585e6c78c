// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/convert/convert.hpp"

namespace mhub::converters {

/// One conversion as the command line or a recipe asks for it.
struct ConvertRequest {
  std::string source, output;
  OpenOptions open;
  WriteOptions write;
  RunOptions run;
};

/// One option of a conversion: `--make-vocab-size-divisible-by N` on the command line is
/// `make_vocab_size_divisible_by: N` in a recipe.
struct ConvertKey {
  enum class Kind { text, number, flag };
  const char* name;  ///< with underscores
  Kind kind;
  const char* help;
  /// Sets it from its text ("true" or "false" for a flag). Throws UsageError that says what was expected.
  void (*set)(ConvertRequest&, const std::string& value);
};

/// All options but source and output.
std::span<const ConvertKey> convert_keys();

/// The command line's spelling: dashes for underscores.
std::string option_name(const ConvertKey& key);

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
