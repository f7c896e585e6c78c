// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

namespace mhub::jinja {
namespace {

// jinja2.runtime.Macro.__init__
constexpr std::string_view kMacroAttributes[] = {"name",          "arguments", "catch_kwargs",
                                                 "catch_varargs", "caller",    "explicit_caller"};
constexpr std::string_view kViewAttributes[] = {"isdisjoint", "mapping"};
constexpr std::string_view kGeneratorAttributes[] = {"close",      "send",         "throw",
                                                     "gi_running", "gi_suspended", "gi_yieldfrom"};

template <typename Names = std::initializer_list<std::string_view>>
bool one_of(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Value bind(std::string_view name, const Value& self, Method method) {
  return make_callable(std::string(name), [self, method](Interpreter& interpreter, Arguments& arguments) {
    return method(interpreter, self, arguments);
  });
}

/// What jinja2's sandbox gives for attributes that it guards.
Value unsafe(const Value& self, std::string_view name) {
  return make_undefined("access to attribute " + repr(name) + " of '" + self.type_name() +
                        "' object is unsafe.");
}

Value unsupported_method(const Value& self, std::string_view name) {
  return make_callable(
      std::string(name),
      [type = self.type_name(), name = std::string(name)](Interpreter&, Arguments&) -> Value {
        unsupported("the method " + type + "." + name);
      });
}

Value sequence_count(Interpreter&, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("count", arguments, {""}, 1);
  std::int64_t count = 0;
  for (const Value& item : iterate(self)) count += equal(item, *bound.get(0));
  return Value(count);
}

Value sequence_index(Interpreter&, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("index", arguments, {"", "", ""}, 1);
  const Elements items = iterate(self);
  const Value start(bound.integer(1, 0));
  const Value stop = bound.get(2) ? Value(bound.integer(2, 0)) : Value();
  const SliceRange part = slice_range(start, stop, Value(), items.size());
  for (std::int64_t i = part.start; i < part.stop; ++i)
    if (equal(items[static_cast<std::size_t>(i)], *bound.get(0))) return Value(i);
  fail(repr(*bound.get(0)) + " is not in " + self.type_name());
}

/// Copies of immutable values are the values.
Value copy(Interpreter&, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("copy", arguments, {}, 0);
  return self;
}

Value dict_get(Interpreter&, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("get", arguments, {"", ""}, 1);
  if (const Value* found = self.dict().find(*bound.get(0))) return *found;
  return bound.get(1) ? *bound.get(1) : Value();
}

template <View::Part part>
Value dict_view(Interpreter&, const Value& self, const Arguments& arguments) {
  const BoundArguments bound("dict view", arguments, {}, 0);
  return Value(View{self.as<std::shared_ptr<const Dict>>(), part});
}

std::optional<Value> dict_member(const Value& self, std::string_view name) {
  if (name == "get") return bind(name, self, dict_get);
  if (name == "items") return bind(name, self, dict_view<View::Part::items>);
  if (name == "keys") return bind(name, self, dict_view<View::Part::keys>);
  if (name == "values") return bind(name, self, dict_view<View::Part::values>);
  if (name == "copy") return bind(name, self, copy);
  if (name == "fromkeys") return unsupported_method(self, name);
  if (one_of({"clear", "pop", "popitem", "setdefault", "update"}, name)) return unsafe(self, name);
  return std::nullopt;
}

std::optional<Value> sequence_member(const Value& self, std::string_view name) {
  if (name == "count") return bind(name, self, sequence_count);
  if (name == "index") return bind(name, self, sequence_index);
  // Groups of groupby are named tuples in jinja2, plain ones here.
  if (self.is(Kind::tuple) && one_of({"grouper", "list"}, name)) return unsupported_method(self, name);
  if (!self.is(Kind::list)) return std::nullopt;
  if (name == "copy") return bind(name, self, copy);
  if (one_of({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"}, name))
    return unsafe(self, name);
  return std::nullopt;
}

std::optional<Value> text_member(const Value& self, std::string_view name) {
  if (const Method method = text_method(name)) return bind(name, self, method);
  if (one_of({"casefold", "encode", "expandtabs", "format_map", "isidentifier", "isprintable", "maketrans",
              "translate"},
             name))
    return unsupported_method(self, name);
  return std::nullopt;
}

std::optional<Value> range_member(const Value& self, std::string_view name) {
  const Range& range = *self.as<std::shared_ptr<const Range>>();
  if (name == "start") return Value(range.start);
  if (name == "stop") return Value(range.stop);
  if (name == "step") return Value(range.step);
  return sequence_member(self, name);
}

std::optional<Value> number_member(const Value& self, std::string_view name) {
  if (one_of({"real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes",
              "from_bytes", "as_integer_ratio", "is_integer", "hex", "fromhex"},
             name))
    unsupported("the attribute '" + std::string(name) + "' of " + self.type_name());
  return std::nullopt;
}

bool callable_has(const Callable& callable, std::string_view name) {
  switch (callable.attributes) {
    case Callable::Attributes::macro: return one_of(kMacroAttributes, name);
    case Callable::Attributes::any: return true;
    default: return false;
  }
}

/// What functions, generators and views lack is undefined, as of every other value; templates rely on it
/// where a key is missing and the name is that of a method: parameter['items']['type'].
std::optional<Value> opaque_member(const Value& self, std::string_view name, bool exists) {
  if (exists) unsupported("the attribute '" + std::string(name) + "' of a " + self.type_name());
  return std::nullopt;
}

}  // namespace

std::optional<Value> member(const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::text: return text_member(object, name);
    case Kind::dict: return dict_member(object, name);
    case Kind::list:
    case Kind::tuple: return sequence_member(object, name);
    case Kind::range: return range_member(object, name);
    case Kind::loop: return loop_member(object.as<std::shared_ptr<Loop>>(), name);
    case Kind::boolean:
    case Kind::integer:
    case Kind::real: return number_member(object, name);
    case Kind::callable:
      return opaque_member(object, name, callable_has(*object.as<std::shared_ptr<const Callable>>(), name));
    case Kind::view: return opaque_member(object, name, one_of(kViewAttributes, name));
    case Kind::iterator: return opaque_member(object, name, one_of(kGeneratorAttributes, name));
    default: return std::nullopt;
  }
}

}  // namespace mhub::jinja
