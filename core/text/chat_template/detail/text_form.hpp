// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mhub/text/chat_template/detail/value.hpp"

namespace mhub::jinja {

/// Python's str() and repr(). Objects whose repr holds an address (generators, functions) are not supported.
std::string str(const Value& value);
std::string repr(const Value& value);
std::string repr(std::string_view text);
/// repr of a float: the shortest digits that read back as the same number, "1e+16", "nan".
std::string repr(double number);

/// markupsafe.escape on plain text.
std::string html_escape(std::string_view text);

/// Fails for strings longer than one may be; `count` pieces of `each` bytes.
void check_text_size(std::size_t count, std::size_t each = 1);

}  // namespace mhub::jinja
