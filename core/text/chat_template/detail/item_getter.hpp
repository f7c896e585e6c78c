// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mhub/text/chat_template/detail/value.hpp"

namespace mhub::jinja {

/// jinja2.filters.make_attrgetter: "a.b.0" looks up step by step; numbers are indices.
class ItemGetter {
 public:
  /// `path`: a str, an int, or None for the value itself. `otherwise` (or null) stands in for what is
  /// undefined.
  ItemGetter(Interpreter& interpreter, const Value& path, const Value* otherwise = nullptr);
  Value operator()(const Value& value) const;

 private:
  Interpreter& interpreter_;
  std::vector<Value> parts_;
  const Value* otherwise_;
};

/// Strings in lower case, other values as they are: what sorting without regard to case compares.
Value ignore_case(const Value& value);

}  // namespace mhub::jinja
