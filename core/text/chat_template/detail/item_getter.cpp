// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/item_getter.hpp"

#include <algorithm>
#include <charconv>

#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

Value path_part(const std::string& part) {
  const bool digits =
      !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return Value(part);
  std::int64_t index = 0;
  if (std::from_chars(part.data(), part.data() + part.size(), index).ec != std::errc())
    unsupported("the index " + part + " (beyond 64 bits)");
  return Value(index);
}

}  // namespace

ItemGetter::ItemGetter(Interpreter& interpreter, const Value& path, const Value* otherwise)
    : interpreter_(interpreter),
      otherwise_(otherwise != nullptr && otherwise->is_none() ? nullptr : otherwise) {
  if (path.is_none()) return;
  if (!path.is_text()) {
    parts_.push_back(path);
    return;
  }
  const std::string dot = ".";
  for (const std::string& part : split(path.text(), &dot, -1, false)) parts_.push_back(path_part(part));
}

Value ItemGetter::operator()(const Value& value) const {
  Value result = value;
  for (const Value& part : parts_) {
    result = interpreter_.item(result, part);
    if (otherwise_ != nullptr && result.is_undefined()) result = *otherwise_;
  }
  return result;
}

Value ignore_case(const Value& value) {
  return value.is_text() ? Value(unicode::lower(value.text())) : value;
}

}  // namespace mhub::jinja
