// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mhub::converters {

/// Replaces in a recipe's text: ${name} by what `lookup` has, ${env:NAME} by that variable of the
/// environment, ${env:NAME:-text} by it or, where it is not set or empty, by the text; $${ is ${. They may
/// stand in each other: ${outputs.${model}}. Throws UsageError, as `lookup` does, for what has no value, an
/// open ${ and a result beyond 64 KiB.
std::string substitute(std::string_view text, const std::function<std::string(const std::string&)>& lookup);

/// A path with the home folder for a ~ at its begin. Throws UsageError where HOME is not set.
std::string with_home(const std::string& path);

}  // namespace mhub::converters
