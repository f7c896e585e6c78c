// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/arguments.hpp"

#include <algorithm>

#include "mhub/text/chat_template/detail/fault.hpp"

namespace mhub::jinja {

BoundArguments::BoundArguments(std::string_view function, const Arguments& arguments,
                               std::initializer_list<std::string_view> parameters, std::size_t required)
    : function_(function), values_(parameters.size()) {
  if (arguments.positional.size() > parameters.size()) {
    fail(function_ + "() takes at most " + std::to_string(parameters.size()) + " arguments (" +
         std::to_string(arguments.positional.size()) + " given)");
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto place = std::find(parameters.begin(), parameters.end(), std::string_view(name));
    if (name.empty() || place == parameters.end())
      fail(function_ + "() got an unexpected keyword argument '" + name + "'");
    const Value*& slot = values_[static_cast<std::size_t>(place - parameters.begin())];
    if (slot != nullptr) fail(function_ + "() got multiple values for argument '" + name + "'");
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (values_[i] != nullptr) continue;
    const std::string_view name = parameters.begin()[i];
    fail(function_ + "() misses its argument " +
         (name.empty() ? std::to_string(i + 1) : "'" + std::string(name) + "'"));
  }
}

bool BoundArguments::given(std::size_t parameter) const {
  return values_[parameter] != nullptr && !values_[parameter]->is_none();
}

const std::string& BoundArguments::text(std::size_t parameter) const {
  const Value& value = *values_[parameter];
  if (value.is_undefined()) fail(*value.as<Undefined>().message);
  if (!value.is_text()) fail(function_ + "() expects a str, not " + value.type_name());
  return value.text();
}

std::int64_t BoundArguments::integer(std::size_t parameter, std::int64_t otherwise) const {
  const Value* value = values_[parameter];
  if (value == nullptr) return otherwise;
  if (value->is_undefined()) fail(*value->as<Undefined>().message);
  if (!value->is_integral()) fail(function_ + "() expects an int, not " + value->type_name());
  return value->integer();
}

bool BoundArguments::flag(std::size_t parameter, bool otherwise) const {
  return values_[parameter] == nullptr ? otherwise : values_[parameter]->truthy();
}

}  // namespace mhub::jinja
