// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mhub {

/// Values of the index variables of a name pattern: {"i": 3, "e": 17}.
using Bindings = std::map<std::string, std::int64_t>;

/// Splits "attn.{q,k,v}_proj" into its alternatives, in order. `{i}` without a comma is an index variable and
/// stays. Throws std::logic_error on unbalanced braces.
std::vector<std::string> expand_alternatives(std::string_view pattern);
/// The index variables in a pattern, in order of appearance.
std::vector<std::string> variables(std::string_view pattern);
/// The value of "i" or "i+3". Throws std::logic_error for a variable without a value.
std::int64_t index_value(std::string_view expression, const Bindings& bindings);
/// Replaces "{i}" and "{i+3}" by numbers. Throws std::logic_error for a variable without a value.
std::string substitute(std::string_view pattern, const Bindings& bindings);

/// Shell-style matching of a whole name: `*` any characters (dots too), `?` one, `[a-z]` one of a set.
bool glob_match(std::string_view glob, std::string_view name);

}  // namespace mhub
