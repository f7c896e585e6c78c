// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/text/chat_template/detail/value.hpp"

namespace mhub::jinja {

/// text % arguments
Value percent_format(const Value& text, const Value& arguments);
/// text.format(*arguments)
std::string format_text(Interpreter& interpreter, const std::string& text, const Arguments& arguments);
/// format(value, specification), as behind the colon of a replacement field.
std::string format_value(const Value& value, const std::string& specification);

}  // namespace mhub::jinja
