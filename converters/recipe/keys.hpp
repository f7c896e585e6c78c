// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "mhub/convert/convert.hpp"

namespace mhub::converters {

/// One conversion as the command line or a recipe asks for it.
struct ConvertRequest {
  std::string source, output;
  OpenOptions open;
  WriteOptions write;
  RunOptions run;
};

/// What a value is, for messages and for the schema.
enum class KeyKind { text, path, number, flag };

/// One option of a conversion: `--make-vocab-size-divisible-by N` on the command line is
/// `make_vocab_size_divisible_by: N` in a recipe.
struct ConvertKey {
  using Kind = KeyKind;
  const char* name;  ///< with underscores
  Kind kind;
  const char* help;
  /// Sets it from its text ("true" or "false" for a flag). Throws UsageError that says what was expected.
  void (*set)(ConvertRequest&, const std::string& value);
  bool how = false;  ///< it says how the work is done; the output is the same whatever it says
};

/// All options but source and output.
std::span<const ConvertKey> convert_keys();
/// Those two: on the command line they are arguments.
std::span<const ConvertKey> place_keys();
/// An option by its name; nullptr for none.
const ConvertKey* find_convert_key(std::string_view name);

/// The command line's spelling: dashes for underscores.
std::string option_name(const ConvertKey& key);

/// Megatron's own name of an option, in Megatron-LM's arguments or Megatron-Core's configs, and ours.
struct Spelling {
  const char* name;
  const char* key;
};
std::span<const Spelling> spellings();
/// The name of an option that was called so; itself where it is no spelling of Megatron's.
std::string_view short_name(std::string_view name);

/// "; did you mean \"tp\"?" where one of the names is near, else "; `otherwise`".
std::string suggestion(std::string_view name, const std::vector<std::string>& names,
                       std::string_view otherwise);

/// "an integer", "true or false", ...: what is expected of a value.
const char* expected_of(KeyKind kind);

}  // namespace mhub::converters
