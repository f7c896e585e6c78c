// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <optional>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/format.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/number_format.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Python's string.Formatter with the sandbox's rules for attributes.
class BraceFormatter {
 public:
  BraceFormatter(Interpreter& interpreter, const Arguments& arguments)
      : interpreter_(interpreter), arguments_(arguments) {}

  std::string write(std::string_view text, int depth = 2) {
    if (depth == 0) fail("Max string recursion exceeded");
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const char c = text[at];
      if (c != '{' && c != '}') {
        out += c;
        ++at;
      } else if (at + 1 < text.size() && text[at + 1] == c) {
        out += c;
        at += 2;
      } else if (c == '}') {
        fail("Single '}' encountered in format string");
      } else {
        const std::size_t end = field_end(text, at + 1);
        out += field(text.substr(at + 1, end - at - 1), depth);
        at = end + 1;
      }
      check_text_size(out.size());
    }
    return out;
  }

 private:
  static std::size_t field_end(std::string_view text, std::size_t at) {
    for (int open = 1; at < text.size(); ++at) {
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) return at;
    }
    fail("expected '}' before end of string");
  }

  /// name!conversion:specification
  std::string field(std::string_view text, int depth) {
    const std::size_t name_end = std::min(text.find_first_of("!:"), text.size());
    const Value value = lookup(text.substr(0, name_end));
    text = text.substr(name_end);
    char conversion = 0;
    if (text.starts_with('!')) {
      if (text.size() < 2 || (text.size() > 2 && text[2] != ':')) fail("bad conversion in a format string");
      conversion = text[1];
      text = text.substr(2);
    }
    const std::string specification = text.empty() ? "" : write(text.substr(1), depth - 1);
    switch (conversion) {
      case 0: return format_value(value, specification);
      case 's': return format_value(Value(str(value)), specification);
      case 'r': return format_value(Value(repr(value)), specification);
      default: unsupported(std::string("the conversion !") + conversion + " in a format string");
    }
  }

  /// first.attribute[item]...
  Value lookup(std::string_view name) {
    std::size_t at = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, at));
    while (at < name.size()) {
      if (name[at] == '.') {
        const std::size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) fail("Empty attribute in format string");
        value = interpreter_.attribute(value, name.substr(at + 1, end - at - 1));
        at = end;
      } else if (name[at] == '[') {
        const std::size_t end = name.find(']', at);
        if (end == std::string_view::npos) fail("Missing ']' in format string");
        const std::string_view key = name.substr(at + 1, end - at - 1);
        if (key.empty()) fail("Empty attribute in format string");
        value = interpreter_.item(value, all_digits(key) ? Value(number(key)) : Value(key));
        at = end + 1;
      } else {
        fail("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Value first(std::string_view name) {
    if (name.empty() || all_digits(name)) {
      if (manual_ && *manual_ == name.empty())
        fail("cannot switch between automatic field numbering and manual field specification");
      manual_ = !name.empty();
      const auto index = static_cast<std::size_t>(name.empty() ? next_++ : number(name));
      if (index >= arguments_.positional.size())
        fail("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      return arguments_.positional[index];
    }
    for (const auto& [key, value] : arguments_.named)
      if (key == name) return value;
    fail("KeyError: " + repr(name));
  }

  static std::int64_t number(std::string_view digits) {
    std::int64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
      fail("Too many decimal digits in format string");
    return value;
  }

  Interpreter& interpreter_;
  const Arguments& arguments_;
  std::optional<bool> manual_;
  std::int64_t next_ = 0;
};

/// [[fill]align][sign][#][0][width][grouping][.precision][type]
struct Specification {
  std::string fill = " ";
  char align = 0;
  std::int64_t width = 0;
  NumberFormat number;
  bool has_type = false;
  bool sign_given = false;
};

std::int64_t read_size(const std::string& text, std::size_t& at) {
  std::int64_t size = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    size = size * 10 + (text[at] - '0');
    if (size > 1'000'000'000) fail("Too many decimal digits in format string");
  }
  return size;
}

Specification read_specification(const std::string& text, const Value& value) {
  auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  Specification s;
  std::size_t at = 0;
  if (!text.empty()) {
    std::size_t second = 0;
    next_character(text, second);
    if (second < text.size() && is_align(text[second])) {
      s.fill = text.substr(0, second);
      s.align = text[second];
      at = second + 1;
    } else if (is_align(text[0])) {
      s.align = text[at++];
    }
  }
  auto skip = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
  for (const char sign : {'+', '-', ' '}) {
    if (s.sign_given || !skip(sign)) continue;
    s.number.sign = sign;
    s.sign_given = true;
  }
  if (skip('#')) s.number.alternate = true;
  if (skip('0') && s.align == 0) {
    s.fill = "0";
    if (!value.is_text()) s.align = '=';
  }
  s.width = read_size(text, at);
  if (skip(',')) s.number.grouping = ',';
  if (skip('_')) s.number.grouping = '_';
  if (skip('.')) {
    const std::size_t begin = at;
    s.number.precision = static_cast<int>(read_size(text, at));
    if (at == begin) fail("Format specifier missing precision");
  }
  if (at < text.size()) {
    s.number.type = text[at++];
    s.has_type = true;
  }
  if (at < text.size()) fail("Invalid format specifier '" + text + "'");
  return s;
}

[[noreturn]] void unknown_code(const Specification& s, const Value& value) {
  fail(std::string("Unknown format code '") + s.number.type + "' for object of type '" + value.type_name() +
       "'");
}

NumberText number_text(const Specification& s, const Value& value) {
  NumberFormat format = s.number;
  const bool real_type =
      s.has_type && std::string_view("eEfFgG%").find(format.type) != std::string_view::npos;
  if (value.is_integral() && !real_type) {
    if (format.precision >= 0) fail("Precision not allowed in integer format specifier");
    if (s.has_type && std::string_view("dxXob").find(format.type) == std::string_view::npos) {
      if (format.type == 'n' || format.type == 'c') unsupported("the format code 'n' or 'c'");
      unknown_code(s, value);
    }
    return format_integer(value.integer(), format);
  }
  if (!s.has_type && format.precision < 0) {
    // as repr, with what the specification adds
    if (format.grouping != 0) unsupported("grouping in a format without a type");
    const std::string text = repr(value.number());
    const bool negative = text.starts_with('-');
    return {negative             ? "-"
            : format.sign == '-' ? ""
                                 : std::string(1, format.sign),
            text.substr(negative ? 1 : 0)};
  }
  if (!s.has_type || format.type == 'n') unsupported("a precision in a format without a type");
  if (!real_type) unknown_code(s, value);
  return format_real(value.number(), format);
}

}  // namespace

std::string format_value(const Value& value, const std::string& specification) {
  if (specification.empty()) return str(value);
  if (!value.is_text() && !value.is_number())
    fail("unsupported format string passed to " + value.type_name() + ".__format__");
  // bool has no format of its own: with a specification it is an int
  const Specification s = read_specification(specification, value);
  if (value.is_text()) {
    if (s.has_type && s.number.type != 's') unknown_code(s, value);
    if (s.align == '=' || s.sign_given || s.number.alternate || s.number.grouping != 0)
      fail("this format specification is not for strings");
    std::string text = value.text();
    if (s.number.precision >= 0)
      text.resize(unicode::offset(text, static_cast<std::size_t>(s.number.precision)));
    if (s.align != '^') return pad(text, s.width, s.fill, s.align == '>' ? Side::right : Side::left);
    // unlike str.center, '^' always puts the odd one to the right
    const auto missing = s.width - static_cast<std::int64_t>(count_characters(text));
    const std::string left = pad(text, s.width - missing + missing / 2, s.fill, Side::right);
    return missing > 0 ? pad(left, s.width, s.fill, Side::left) : text;
  }
  const NumberText text = number_text(s, value);
  const auto prefix = static_cast<std::int64_t>(text.prefix.size());
  if (s.align == '=') {
    if (s.number.grouping != 0 && s.fill == "0" && s.width > 0) unsupported("grouping with zero padding");
    return text.prefix + pad(text.digits, s.width - prefix, s.fill, Side::right);
  }
  const std::string whole = text.prefix + text.digits;
  if (s.align != '^') return pad(whole, s.width, s.fill, s.align == '<' ? Side::left : Side::right);
  const auto missing = s.width - static_cast<std::int64_t>(whole.size());
  if (missing <= 0) return whole;
  return pad(pad(whole, s.width - missing + missing / 2, s.fill, Side::right), s.width, s.fill, Side::left);
}

std::string format_text(Interpreter& interpreter, const std::string& text, const Arguments& arguments) {
  return BraceFormatter(interpreter, arguments).write(text);
}

}  // namespace mhub::jinja
