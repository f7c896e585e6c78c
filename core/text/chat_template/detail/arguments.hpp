// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/text/chat_template/detail/value.hpp"

namespace mhub::jinja {

/// The arguments of a call, sorted to the parameters of the function it calls as Python does. Valid as long
/// as the Arguments it was made from.
class BoundArguments {
 public:
  /// The first `required` parameters must be given. A parameter with an empty name is positional-only.
  BoundArguments(std::string_view function, const Arguments& arguments,
                 std::initializer_list<std::string_view> parameters, std::size_t required);

  /// The argument, or null when it was left out.
  const Value* get(std::size_t parameter) const { return values_[parameter]; }
  /// Given and not None.
  bool given(std::size_t parameter) const;
  /// These fail when the argument is of another type.
  const std::string& text(std::size_t parameter) const;
  std::int64_t integer(std::size_t parameter, std::int64_t otherwise) const;
  bool flag(std::size_t parameter, bool otherwise) const;

 private:
  std::string function_;
  std::vector<const Value*> values_;
};

}  // namespace mhub::jinja
