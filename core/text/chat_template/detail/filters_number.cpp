// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"

/// Filters on numbers; each follows its namesake in jinja2/filters.py.
namespace mhub::jinja {
namespace {

/// Underscores may stand between digits, as in Python's numbers; nothing when one stands elsewhere.
std::optional<std::string> without_underscores(const std::string& text) {
  auto alnum = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !alnum(text[i - 1]) || !alnum(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

/// int(text, base); nothing for ValueError.
std::optional<std::int64_t> parse_integer(const std::string& source, std::int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) fail("int() base must be >= 2 and <= 36, or 0");
  const std::optional<std::string> cleaned = without_underscores(strip(source, nullptr, Side::both));
  if (!cleaned) return std::nullopt;
  std::string digits = *cleaned;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  auto prefixed = [&](char letter) {
    return digits.size() > 2 && digits[0] == '0' &&
           std::tolower(static_cast<unsigned char>(digits[1])) == letter;
  };
  for (const auto& [letter, radix] : {std::pair{'x', 16}, std::pair{'o', 8}, std::pair{'b', 2}}) {
    if (!prefixed(letter) || (base != radix && base != 0)) continue;
    base = radix;
    digits.erase(0, 2);
  }
  if (base == 0) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos)
      return std::nullopt;
    base = 10;
  }
  if (digits.empty() || digits[0] == '-') return std::nullopt;
  std::int64_t value = 0;
  const auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) unsupported("an integer beyond 64 bits");
  if (parsed.ec != std::errc()) return std::nullopt;
  return negative ? -value : value;
}

/// float(text); nothing for ValueError.
std::optional<double> parse_real(const std::string& source) {
  const std::optional<std::string> cleaned = without_underscores(strip(source, nullptr, Side::both));
  if (!cleaned || cleaned->empty()) return std::nullopt;
  const std::string& text = *cleaned;
  if (text.find_first_of("xXpP(") != std::string::npos) return std::nullopt;  // C's, not Python's
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() + text.size() || text.find('\0') != std::string::npos) return std::nullopt;
  return value;
}

std::int64_t truncated(double value) {
  if (std::isinf(value)) fail("cannot convert float infinity to integer");
  if (!(std::fabs(value) < 9.2e18)) unsupported("an integer beyond 64 bits");
  return static_cast<std::int64_t>(value);
}

Value to_integer(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("int", arguments, {"default", "base"}, 0);
  refuse_undefined(input);
  const Value otherwise = bound.get(0) ? *bound.get(0) : Value(std::int64_t{0});
  if (input.is_integral()) return Value(input.integer());
  if (input.is(Kind::real)) return std::isnan(input.number()) ? otherwise : Value(truncated(input.number()));
  if (!input.is_text()) return otherwise;
  if (const auto value = parse_integer(input.text(), bound.integer(1, 10))) return Value(*value);
  // "42.23"|int is 42
  const std::optional<double> real = parse_real(input.text());
  if (!real || !std::isfinite(*real)) return otherwise;
  return Value(truncated(*real));
}

Value to_real(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("float", arguments, {"default"}, 0);
  refuse_undefined(input);
  if (input.is_number()) return Value(input.number());
  if (input.is_text())
    if (const auto value = parse_real(input.text())) return Value(*value);
  return bound.get(0) ? *bound.get(0) : Value(0.0);
}

/// Python's round(): to the nearest, ties to even, on the exact decimal expansion.
double round_to(double value, std::int64_t precision) {
  if (!std::isfinite(value)) return value;
  if (precision > 320) return value;
  std::vector<char> buffer(static_cast<std::size_t>(precision) + 400);
  std::snprintf(buffer.data(), buffer.size(), "%.*f", static_cast<int>(precision), value);
  return std::strtod(buffer.data(), nullptr);
}

Value round_number(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("round", arguments, {"precision", "method"}, 0);
  refuse_undefined(input);
  const std::string method = bound.get(1) ? bound.text(1) : "common";
  const std::int64_t precision = bound.integer(0, 0);
  if (method != "common" && method != "ceil" && method != "floor")
    fail("method must be common, ceil or floor");
  if (!input.is_number()) fail("type " + input.type_name() + " doesn't define __round__ method");
  if (precision < 0) unsupported("rounding to a negative precision");
  if (method == "common") {
    if (input.is_integral()) return Value(input.integer());
    return Value(round_to(input.number(), precision));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.number() * scale;
  const double whole = method == "ceil" ? std::ceil(scaled) : std::floor(scaled);
  truncated(whole);  // Python makes an int of it
  return Value((whole == 0 ? 0.0 : whole) / scale);
}

Value absolute(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("abs", arguments, {}, 0);
  refuse_undefined(input);
  if (!input.is_number()) fail("bad operand type for abs(): '" + input.type_name() + "'");
  if (input.is(Kind::real)) return Value(std::fabs(input.number()));
  return input.integer() < 0 ? negative(input) : Value(input.integer());
}

}  // namespace

void add_number_filters(FilterTable& table) {
  table["int"] = {to_integer, true};
  table["float"] = {to_real, true};
  table["round"] = {round_number, true};
  table["abs"] = {absolute, true};
}

}  // namespace mhub::jinja
