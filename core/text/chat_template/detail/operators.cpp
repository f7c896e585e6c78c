// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/operators.hpp"

#include <cmath>
#include <limits>

#include "mhub/base/find_text.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/format.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

const char* symbol(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::add: return "+";
    case BinaryOperator::subtract: return "-";
    case BinaryOperator::multiply: return "*";
    case BinaryOperator::divide: return "/";
    case BinaryOperator::floor_divide: return "//";
    case BinaryOperator::modulo: return "%";
    case BinaryOperator::power: return "** or pow()";
  }
  return "?";
}

[[noreturn]] void wrong_types(const std::string& op, const Value& left, const Value& right) {
  fail("unsupported operand type(s) for " + op + ": '" + left.type_name() + "' and '" + right.type_name() +
       "'");
}

[[noreturn]] void too_large() { unsupported("an integer beyond 64 bits"); }

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) too_large();
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("integer modulo by zero");
  if (b == -1) return 0;
  const std::int64_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

Value integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  std::int64_t result = 1;
  if (base == 0 || base == 1) return Value(exponent == 0 ? std::int64_t{1} : base);
  if (base == -1) return Value(exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1});
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) too_large();
  }
  return Value(result);
}

Value integer_arithmetic(BinaryOperator op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOperator::add: overflow = __builtin_add_overflow(a, b, &result); break;
    case BinaryOperator::subtract: overflow = __builtin_sub_overflow(a, b, &result); break;
    case BinaryOperator::multiply: overflow = __builtin_mul_overflow(a, b, &result); break;
    case BinaryOperator::divide:
      if (b == 0) fail("division by zero");
      return Value(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOperator::floor_divide: return Value(floor_quotient(a, b));
    case BinaryOperator::modulo: return Value(floor_remainder(a, b));
    case BinaryOperator::power: return integer_power(a, b);
  }
  if (overflow) too_large();
  return Value(result);
}

/// CPython's float_divmod (Objects/floatobject.c): the remainder has the divisor's sign.
double float_remainder(double a, double b) {
  if (b == 0) fail("float modulo");
  double remainder = std::fmod(a, b);
  if (remainder != 0) {
    if ((b < 0) != (remainder < 0)) remainder += b;
  } else {
    remainder = std::copysign(0.0, b);
  }
  return remainder;
}

double float_floor_quotient(double a, double b) {
  if (b == 0) fail("float floor division by zero");
  const double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Value float_arithmetic(BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::add: return Value(a + b);
    case BinaryOperator::subtract: return Value(a - b);
    case BinaryOperator::multiply: return Value(a * b);
    case BinaryOperator::divide:
      if (b == 0) fail("float division by zero");
      return Value(a / b);
    case BinaryOperator::floor_divide: return Value(float_floor_quotient(a, b));
    case BinaryOperator::modulo: return Value(float_remainder(a, b));
    case BinaryOperator::power: {
      if (a == 0 && b < 0) fail("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::trunc(b)) unsupported("a complex number");
      const double power = std::pow(a, b);
      if (std::isinf(power) && std::isfinite(a) && std::isfinite(b))
        fail("(34, 'Numerical result out of range')");
      return Value(power);
    }
  }
  return Value();
}

Value concatenate(const Value& left, const Value& right) {
  if (left.text().size() + right.text().size() > 6 * kMaxTextBytes) fail("a string of more than 64 MiB");
  const bool markup = left.markup() || right.markup();
  std::string text = markup && !left.markup() ? html_escape(left.text()) : left.text();
  text += markup && !right.markup() ? html_escape(right.text()) : right.text();
  check_text_size(text.size());
  return Value(std::move(text), markup);
}

Value join_sequences(const Value& left, const Value& right) {
  std::vector<Value> items = left.sequence().items;
  const std::vector<Value>& more = right.sequence().items;
  items.insert(items.end(), more.begin(), more.end());
  return left.is(Kind::list) ? make_list(std::move(items)) : make_tuple(std::move(items));
}

Value repeat(const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (value.is_text()) {
    if (!value.text().empty()) check_text_size(count, value.text().size());
    std::string text;
    text.reserve(value.text().size() * (value.text().empty() ? 0 : count));
    if (!value.text().empty())
      for (std::size_t i = 0; i < count; ++i) text += value.text();
    return Value(std::move(text), value.markup());
  }
  const std::vector<Value>& once = value.sequence().items;
  std::vector<Value> items;
  if (!once.empty()) {
    if (count > kMaxItems / once.size())
      fail("a list of more than " + std::to_string(kMaxItems) + " elements");
    for (std::size_t i = 0; i < count; ++i) items.insert(items.end(), once.begin(), once.end());
  }
  return value.is(Kind::list) ? make_list(std::move(items)) : make_tuple(std::move(items));
}

}  // namespace

void refuse_undefined(const Value& value) {
  if (value.is_undefined()) fail(*value.as<Undefined>().message);
}

namespace {

bool equal_sequences(const Sequence& left, const Sequence& right) {
  if (&left == &right) return true;
  if (left.items.size() != right.items.size()) return false;
  for (std::size_t i = 0; i < left.items.size(); ++i)
    if (!equal(left.items[i], right.items[i])) return false;
  return true;
}

bool equal_dicts(const Dict& left, const Dict& right) {
  if (&left == &right) return true;
  if (left.entries.size() != right.entries.size()) return false;
  for (const auto& [key, value] : left.entries) {
    const Value* other = right.find(key);
    if (other == nullptr || !equal(value, *other)) return false;
  }
  return true;
}

template <typename T>
bool ordered(CompareOperator op, const T& a, const T& b) {
  switch (op) {
    case CompareOperator::less: return a < b;
    case CompareOperator::less_equal: return a <= b;
    case CompareOperator::greater: return a > b;
    default: return a >= b;
  }
}

const char* symbol(CompareOperator op) {
  switch (op) {
    case CompareOperator::less: return "<";
    case CompareOperator::less_equal: return "<=";
    case CompareOperator::greater: return ">";
    default: return ">=";
  }
}

bool order(CompareOperator op, const Value& left, const Value& right) {
  refuse_undefined(left);
  refuse_undefined(right);
  if (left.is_integral() && right.is_integral()) return ordered(op, left.integer(), right.integer());
  if (left.is_number() && right.is_number()) {
    // long double holds every 64-bit integer exactly
    auto exact = [](const Value& v) {
      return v.is_integral() ? static_cast<long double>(v.integer()) : static_cast<long double>(v.number());
    };
    return ordered(op, exact(left), exact(right));
  }
  // UTF-8 sorts as its code points do
  if (left.is_text() && right.is_text()) return ordered(op, left.text(), right.text());
  if (left.is_sequence() && left.kind() == right.kind()) {
    const auto& a = left.sequence().items;
    const auto& b = right.sequence().items;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (!equal(a[i], b[i])) return order(op, a[i], b[i]);
    return ordered(op, a.size(), b.size());
  }
  fail("'" + std::string(symbol(op)) + "' not supported between instances of '" + left.type_name() +
       "' and '" + right.type_name() + "'");
}

std::int64_t slice_bound(const Value& bound, std::int64_t size, std::int64_t missing, std::int64_t least,
                         std::int64_t most) {
  if (bound.is_none()) return missing;
  if (!bound.is_integral()) fail("slice indices must be integers or None or have an __index__ method");
  std::int64_t index = bound.integer();
  if (index < 0) index += size;
  return std::clamp(index, least, most);
}

}  // namespace

Value apply(BinaryOperator op, const Value& left, const Value& right) {
  // str % anything formats, before any complaint about the other side
  if (op == BinaryOperator::modulo && left.is_text()) return percent_format(left, right);
  refuse_undefined(left);
  refuse_undefined(right);
  if (left.is_integral() && right.is_integral())
    return integer_arithmetic(op, left.integer(), right.integer());
  if (left.is_number() && right.is_number()) return float_arithmetic(op, left.number(), right.number());
  if (op == BinaryOperator::add) {
    if (left.is_text() && right.is_text()) return concatenate(left, right);
    if (left.is_sequence() && left.kind() == right.kind()) return join_sequences(left, right);
    if (left.is_text()) fail("can only concatenate str (not \"" + right.type_name() + "\") to str");
  }
  if (op == BinaryOperator::multiply) {
    if ((left.is_text() || left.is_sequence()) && right.is_integral()) return repeat(left, right.integer());
    if ((right.is_text() || right.is_sequence()) && left.is_integral()) return repeat(right, left.integer());
  }
  wrong_types(symbol(op), left, right);
}

bool apply(CompareOperator op, const Value& left, const Value& right) {
  switch (op) {
    case CompareOperator::equal: return equal(left, right);
    case CompareOperator::not_equal: return !equal(left, right);
    case CompareOperator::in: return contains(right, left);
    case CompareOperator::not_in: return !contains(right, left);
    default: return order(op, left, right);
  }
}

Value negative(const Value& value) {
  refuse_undefined(value);
  if (value.is_integral()) return integer_arithmetic(BinaryOperator::subtract, 0, value.integer());
  if (value.is(Kind::real)) return Value(-value.number());
  fail("bad operand type for unary -: '" + value.type_name() + "'");
}

Value positive(const Value& value) {
  refuse_undefined(value);
  if (value.is_integral()) return Value(value.integer());
  if (value.is(Kind::real)) return value;
  fail("bad operand type for unary +: '" + value.type_name() + "'");
}

bool equal(const Value& left, const Value& right) {
  if (left.is_integral() && right.is_integral()) return left.integer() == right.integer();
  if (left.is_number() && right.is_number()) return left.number() == right.number();
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::undefined:
    case Kind::none: return true;
    case Kind::text: return left.text() == right.text();
    case Kind::list:
    case Kind::tuple: return equal_sequences(left.sequence(), right.sequence());
    case Kind::dict: return equal_dicts(left.dict(), right.dict());
    case Kind::range: return equal_sequences(*iterate(left).sequence(), *iterate(right).sequence());
    case Kind::space: return left.as<std::shared_ptr<Space>>() == right.as<std::shared_ptr<Space>>();
    case Kind::callable:
      return left.as<std::shared_ptr<const Callable>>() == right.as<std::shared_ptr<const Callable>>();
    default: unsupported("comparing two values of type " + left.type_name());
  }
}

bool less(const Value& left, const Value& right) { return order(CompareOperator::less, left, right); }

bool contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) fail("'in <string>' requires string as left operand, not " + item.type_name());
    return find_text(container.text(), item.text()) != std::string::npos;
  }
  if (container.is(Kind::dict)) return container.dict().find(item) != nullptr;
  if (!is_iterable(container)) fail("argument of type '" + container.type_name() + "' is not iterable");
  const Elements items = iterate(container);
  for (const Value& candidate : items)
    if (equal(candidate, item)) return true;
  return false;
}

SliceRange slice_range(const Value& lower, const Value& upper, const Value& step_value, std::size_t length) {
  const auto size = static_cast<std::int64_t>(length);
  std::int64_t step = 1;
  if (!step_value.is_none()) {
    if (!step_value.is_integral()) fail("slice indices must be integers or None or have an __index__ method");
    // A step beyond the length takes one element whatever its size; the clamp keeps sums and products from
    // overflowing.
    step = std::clamp(step_value.integer(), -size - 1, size + 1);
  }
  if (step == 0) fail("slice step cannot be zero");
  if (step > 0) return {slice_bound(lower, size, 0, 0, size), slice_bound(upper, size, size, 0, size), step};
  return {slice_bound(lower, size, size - 1, -1, size - 1), slice_bound(upper, size, -1, -1, size - 1), step};
}

Value slice(const Value& object, const Value& lower, const Value& upper, const Value& step) {
  refuse_undefined(object);
  if (!object.is_text() && !object.is_sequence() && !object.is(Kind::range))
    fail("'" + object.type_name() + "' object cannot be sliced");
  if (object.is(Kind::range)) {
    const Range& range = *object.as<std::shared_ptr<const Range>>();
    const SliceRange part = slice_range(lower, upper, step, static_cast<std::size_t>(range.size()));
    return Value(
        std::make_shared<const Range>(Range{range.start + part.start * range.step,
                                            range.start + part.stop * range.step, range.step * part.step}));
  }
  const std::u32string points = object.is_text() ? unicode::to_points(object.text()) : std::u32string();
  const std::size_t size = object.is_text() ? points.size() : object.sequence().items.size();
  const SliceRange part = slice_range(lower, upper, step, size);
  std::string text;
  std::vector<Value> items;
  for (std::int64_t i = part.start; part.step > 0 ? i < part.stop : i > part.stop; i += part.step) {
    if (object.is_text()) {
      append_character(text, points[static_cast<std::size_t>(i)]);
    } else {
      items.push_back(object.sequence().items[static_cast<std::size_t>(i)]);
    }
  }
  if (object.is_text()) return Value(std::move(text), object.markup());
  return object.is(Kind::list) ? make_list(std::move(items)) : make_tuple(std::move(items));
}

}  // namespace mhub::jinja
