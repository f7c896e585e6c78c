// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/item_getter.hpp"

/// map, select, reject and their kin: filters that take the name of a filter or test.
namespace mhub::jinja {
namespace {

const Value* named(const Arguments& arguments, std::string_view name) {
  for (const auto& [key, value] : arguments.named)
    if (key == name) return &value;
  return nullptr;
}

const std::string& function_name(const Value& value, const char* what) {
  if (value.is_undefined()) fail(*value.as<Undefined>().message);
  if (!value.is_text()) fail(std::string("No ") + what + " named by a " + value.type_name());
  return value.text();
}

/// The arguments behind the first `skipped`.
Arguments rest(const Arguments& arguments, std::size_t skipped) {
  Arguments others;
  others.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(skipped),
                           arguments.positional.end());
  others.named = arguments.named;
  return others;
}

Value map_attribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  for (const auto& [name, value] : arguments.named)
    if (name != "attribute" && name != "default") fail("Unexpected keyword argument '" + name + "'");
  const ItemGetter getter(interpreter, *named(arguments, "attribute"), named(arguments, "default"));
  std::vector<Value> results;
  for (const Value& item : iterate(input)) results.push_back(getter(item));
  return make_iterator(std::move(results));
}

Value map(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (!input.truthy()) return make_iterator({});
  if (arguments.positional.empty()) {
    if (named(arguments, "attribute") == nullptr) fail("map requires a filter argument");
    return map_attribute(interpreter, input, arguments);
  }
  const std::string& name = function_name(arguments.positional.front(), "filter");
  std::vector<Value> results;
  for (const Value& item : iterate(input)) {
    Arguments others = rest(arguments, 1);
    results.push_back(interpreter.filter(name, item, others));
  }
  return make_iterator(std::move(results));
}

template <bool wanted, bool by_attribute>
Value select(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  if (!input.truthy()) return make_iterator({});
  constexpr std::size_t kOffset = by_attribute ? 1 : 0;
  if (arguments.positional.size() < kOffset) fail("Missing parameter for attribute name");
  const ItemGetter getter(interpreter, by_attribute ? arguments.positional.front() : Value());
  const bool tested = arguments.positional.size() > kOffset;
  std::vector<Value> chosen;
  for (const Value& item : iterate(input)) {
    const Value value = getter(item);
    bool passed = false;
    if (tested) {
      Arguments others = rest(arguments, kOffset + 1);
      passed = interpreter.test(function_name(arguments.positional[kOffset], "test"), value, others);
    } else {
      passed = value.truthy();
    }
    if (passed == wanted) chosen.push_back(item);
  }
  return make_iterator(std::move(chosen));
}

}  // namespace

void add_selection_filters(FilterTable& table) {
  table["map"] = {map, false};
  table["select"] = {select<true, false>, false};
  table["reject"] = {select<false, false>, false};
  table["selectattr"] = {select<true, true>, false};
  table["rejectattr"] = {select<false, true>, false};
}

}  // namespace mhub::jinja
