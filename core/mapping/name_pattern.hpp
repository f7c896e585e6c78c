// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/mapping/identity.hpp"

namespace mhub {

/// A name pattern ("decoder.layers.{i}.mlp", "{i+3}", "{i/2}") made ready for many values of its index
/// variables: a large model's mapping makes 150,000 names of some sixty patterns.
class NamePattern {
 public:
  /// `variables` are those that `name` gets the values of, in their order. Throws std::logic_error for
  /// unbalanced braces, and for a variable that is none of them.
  NamePattern(std::string_view pattern, std::span<const std::string> variables);
  std::string name(std::span<const std::int64_t> values) const;

 private:
  struct Part {
    std::string text;          ///< in front of the number
    std::size_t variable = 0;  ///< whose value, ...
    std::int64_t shift = 0;    ///< ... with this added, ...
    std::int64_t divisor = 1;  ///< ... or divided by this, rounded down
  };
  std::vector<Part> parts_;
  std::string end_;
};

}  // namespace mhub
