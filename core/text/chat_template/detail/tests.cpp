// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

void no_arguments(const Arguments& arguments) { const BoundArguments bound("test", arguments, {}, 0); }

const Value& other(const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) fail("the test takes one argument");
  return arguments.positional.front();
}

template <Kind kind>
bool is_kind(const Value& value, const Arguments& arguments) {
  no_arguments(arguments);
  return value.is(kind);
}

template <bool wanted>
bool is_boolean(const Value& value, const Arguments& arguments) {
  no_arguments(arguments);
  return value.is(Kind::boolean) && value.as<bool>() == wanted;
}

template <CompareOperator op>
bool compares(const Value& value, const Arguments& arguments) {
  return apply(op, value, other(arguments));
}

bool leaves(const Value& value, std::int64_t divisor, std::int64_t remainder) {
  return equal(apply(BinaryOperator::modulo, value, Value(divisor)), Value(remainder));
}

/// Letters of `wanted` case only, at least one, as str.isupper and str.islower.
bool all_cased(const std::string& text, bool (*wanted)(char32_t)) {
  bool any = false;
  for (const char32_t point : unicode::to_points(text)) {
    if (wanted(point)) {
      any = true;
    } else if (unicode::is_cased(point)) {
      return false;
    }
  }
  return any;
}

bool is_sequence(const Value& value, const Arguments& arguments) {
  no_arguments(arguments);
  return value.is_text() || value.is_sequence() || value.is(Kind::dict) || value.is(Kind::range) ||
         value.is_undefined();
}

bool is_same(const Value& value, const Arguments& arguments) {
  const Value& right = other(arguments);
  if (value.kind() != right.kind()) return false;
  switch (value.kind()) {
    case Kind::none:
    case Kind::boolean:
    case Kind::space:
    case Kind::callable: return equal(value, right);
    default: unsupported("the test 'sameas' on values of type " + value.type_name());
  }
}

TestTable make_tests() {
  return {
      {"defined", [](const Value& v, const Arguments& a) { return no_arguments(a), !v.is_undefined(); }},
      {"undefined", is_kind<Kind::undefined>},
      {"none", is_kind<Kind::none>},
      {"boolean", is_kind<Kind::boolean>},
      {"integer", is_kind<Kind::integer>},
      {"float", is_kind<Kind::real>},
      {"string", is_kind<Kind::text>},
      {"mapping", is_kind<Kind::dict>},
      {"true", is_boolean<true>},
      {"false", is_boolean<false>},
      {"number", [](const Value& v, const Arguments& a) { return no_arguments(a), v.is_number(); }},
      {"sequence", is_sequence},
      {"iterable", [](const Value& v, const Arguments& a) { return no_arguments(a), is_iterable(v); }},
      // jinja2's Undefined and LoopContext have __call__
      {"callable",
       [](const Value& v, const Arguments& a) {
         return no_arguments(a), v.is(Kind::callable) || v.is_undefined() || v.is(Kind::loop);
       }},
      {"escaped", [](const Value& v, const Arguments& a) { return no_arguments(a), v.markup(); }},
      {"sameas", is_same},
      {"odd", [](const Value& v, const Arguments& a) { return no_arguments(a), leaves(v, 2, 1); }},
      {"even", [](const Value& v, const Arguments& a) { return no_arguments(a), leaves(v, 2, 0); }},
      {"divisibleby",
       [](const Value& v, const Arguments& a) {
         return equal(apply(BinaryOperator::modulo, v, other(a)), Value(std::int64_t{0}));
       }},
      {"lower", [](const Value& v,
                   const Arguments& a) { return no_arguments(a), all_cased(str(v), unicode::is_lower); }},
      {"upper", [](const Value& v,
                   const Arguments& a) { return no_arguments(a), all_cased(str(v), unicode::is_upper); }},
      {"in", compares<CompareOperator::in>},
      {"==", compares<CompareOperator::equal>},
      {"eq", compares<CompareOperator::equal>},
      {"equalto", compares<CompareOperator::equal>},
      {"!=", compares<CompareOperator::not_equal>},
      {"ne", compares<CompareOperator::not_equal>},
      {">", compares<CompareOperator::greater>},
      {"gt", compares<CompareOperator::greater>},
      {"greaterthan", compares<CompareOperator::greater>},
      {">=", compares<CompareOperator::greater_equal>},
      {"ge", compares<CompareOperator::greater_equal>},
      {"<", compares<CompareOperator::less>},
      {"lt", compares<CompareOperator::less>},
      {"lessthan", compares<CompareOperator::less>},
      {"<=", compares<CompareOperator::less_equal>},
      {"le", compares<CompareOperator::less_equal>},
  };
}

}  // namespace

const TestTable& tests() {
  static const TestTable table = make_tests();
  return table;
}

}  // namespace mhub::jinja
