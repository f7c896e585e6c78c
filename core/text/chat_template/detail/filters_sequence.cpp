// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/item_getter.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

/// Filters on lists and dicts as a whole; each follows its namesake in jinja2/filters.py.
namespace mhub::jinja {
namespace {

Value count(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("length", arguments, {}, 0);
  return Value(static_cast<std::int64_t>(length(input)));
}

Value list(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("list", arguments, {}, 0);
  return Value(ListRef{iterate(input).sequence()});
}

Value first(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("first", arguments, {}, 0);
  if (input.is(Kind::iterator)) {
    Iterator& iterator = *input.as<std::shared_ptr<Iterator>>();
    if (iterator.next < iterator.items.size()) return iterator.items[iterator.next++];
    return make_undefined("No first item, sequence was empty.");
  }
  const Elements items = iterate(input);
  return items.empty() ? make_undefined("No first item, sequence was empty.") : items[0];
}

/// reversed() takes what has an order and a length.
void check_reversible(const Value& input) {
  if (!input.is_text() && !input.is_sequence() && !input.is(Kind::dict) && !input.is(Kind::range) &&
      !input.is(Kind::view) && !input.is_undefined())
    fail("'" + input.type_name() + "' object is not reversible");
}

Value last(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("last", arguments, {}, 0);
  check_reversible(input);
  const Elements items = iterate(input);
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items[items.size() - 1];
}

Value reverse(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("reverse", arguments, {}, 0);
  std::vector<Value> items = iterate(input).copy();
  std::reverse(items.begin(), items.end());
  if (!input.is_text()) {
    // what cannot be reversed in place becomes a list
    return input.is(Kind::iterator) ? make_list(std::move(items)) : make_iterator(std::move(items));
  }
  std::string text;
  for (const Value& item : items) text += item.text();
  return Value(std::move(text), input.markup());
}

Value join(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("join", arguments, {"d", "attribute"}, 0);
  const std::string separator = bound.get(0) ? str(*bound.get(0)) : "";
  const ItemGetter getter(interpreter, bound.get(1) ? *bound.get(1) : Value());
  std::string out;
  bool empty = true;
  for (const Value& item : iterate(input)) {
    if (!empty) out += separator;
    empty = false;
    out += str(getter(item));
    check_text_size(out.size());
  }
  return Value(std::move(out));
}

Value otherwise(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("default", arguments, {"default_value", "boolean"}, 0);
  if (!input.is_undefined() && !(bound.flag(1, false) && !input.truthy())) return input;
  return bound.get(0) ? *bound.get(0) : Value("");
}

Value items(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("items", arguments, {}, 0);
  if (input.is_undefined()) return make_iterator({});
  if (!input.is(Kind::dict)) fail("Can only get item pairs from a mapping.");
  return make_iterator(
      iterate(Value(View{input.as<std::shared_ptr<const Dict>>(), View::Part::items})).copy());
}

Value batch(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("batch", arguments, {"linecount", "fill_with"}, 1);
  const std::int64_t size = bound.integer(0, 1);
  std::vector<Value> batches;
  std::vector<Value> row;
  for (const Value& item : iterate(input)) {
    if (static_cast<std::int64_t>(row.size()) == size) batches.push_back(make_list(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (bound.given(1) && static_cast<std::int64_t>(row.size()) < size) {
      if (size > static_cast<std::int64_t>(kMaxItems)) fail("batch() of such a size");
      row.resize(static_cast<std::size_t>(size), *bound.get(1));
    }
    batches.push_back(make_list(std::move(row)));
  }
  return make_iterator(std::move(batches));
}

Value slices(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("slice", arguments, {"slices", "fill_with"}, 1);
  const std::int64_t parts = bound.integer(0, 1);
  const Elements all = iterate(input);
  if (parts == 0) fail("integer division or modulo by zero");
  if (parts > static_cast<std::int64_t>(kMaxItems)) fail("slice() into so many parts");
  const auto size = static_cast<std::int64_t>(all.size());
  std::vector<Value> result;
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::int64_t end = begin + size / parts + (i < size % parts ? 1 : 0);
    std::vector<Value> part(all.begin() + begin, all.begin() + end);
    if (bound.given(1) && i >= size % parts) part.push_back(*bound.get(1));
    result.push_back(make_list(std::move(part)));
    begin = end;
  }
  return make_iterator(std::move(result));
}

Value sum(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("sum", arguments, {"attribute", "start"}, 0);
  const ItemGetter getter(interpreter, bound.get(0) ? *bound.get(0) : Value());
  Value total = bound.get(1) ? *bound.get(1) : Value(std::int64_t{0});
  if (total.is_text()) fail("sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : iterate(input)) {
    interpreter.charge(total.is_sequence() ? total.sequence().items.size() : 1);
    total = interpreter.charge_value(apply(BinaryOperator::add, total, getter(item)));
  }
  return total;
}

Value attribute(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("attr", arguments, {"name"}, 1);
  const std::string& name = bound.text(0);
  // attributes only: what a dict holds under that name does not count
  if (input.is(Kind::space) || input.is_undefined()) return interpreter.attribute(input, name);
  const std::optional<Value> found = member(input, name);
  return found ? *found
               : make_undefined("'" + input.type_name() + " object' has no attribute " +
                                repr(std::string_view(name)));
}

}  // namespace

void add_sequence_filters(FilterTable& table) {
  table["length"] = table["count"] = {count, false};
  table["list"] = {list, false};
  table["first"] = {first, false};
  table["last"] = {last, false};
  table["reverse"] = {reverse, false};
  table["join"] = {join, true};
  table["default"] = table["d"] = {otherwise, false};
  table["items"] = {items, false};
  table["batch"] = {batch, false};
  table["slice"] = {slices, false};
  table["sum"] = {sum, false};
  table["attr"] = {attribute, false};
}

}  // namespace mhub::jinja
