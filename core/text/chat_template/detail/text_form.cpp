// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/text_form.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

void write(const Value& value, std::string& out);

void write_items(const std::vector<Value>& items, std::string& out) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out += ", ";
    first = false;
    write(item, out);
  }
}

void write(const Value& value, std::string& out) {
  check_text_size(out.size());
  switch (value.kind()) {
    case Kind::undefined: out += "Undefined"; break;
    case Kind::none: out += "None"; break;
    case Kind::boolean: out += value.as<bool>() ? "True" : "False"; break;
    case Kind::integer: out += std::to_string(value.integer()); break;
    case Kind::real: out += repr(value.number()); break;
    case Kind::text:
      out += value.markup() ? "Markup(" + repr(std::string_view(value.text())) + ")"
                            : repr(std::string_view(value.text()));
      break;
    case Kind::list:
      out += '[';
      write_items(value.sequence().items, out);
      out += ']';
      break;
    case Kind::tuple:
      out += '(';
      write_items(value.sequence().items, out);
      out += value.sequence().items.size() == 1 ? ",)" : ")";
      break;
    case Kind::dict: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : value.dict().entries) {
        if (!first) out += ", ";
        first = false;
        write(key, out);
        out += ": ";
        write(item, out);
      }
      out += '}';
      break;
    }
    case Kind::range: {
      const Range& range = *value.as<std::shared_ptr<const Range>>();
      out += "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
      out += range.step == 1 ? ")" : ", " + std::to_string(range.step) + ")";
      break;
    }
    case Kind::view:
      out += value.type_name() + "([";
      write_items(iterate(value).copy(), out);
      out += "])";
      break;
    default: unsupported("printing a value of type " + value.type_name());
  }
}

void write_escape(const char* format, char32_t point, std::string& out) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, static_cast<unsigned>(point));
  out += buffer.data();
}

}  // namespace

std::string str(const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) return {};
  return repr(value);
}

std::string repr(const Value& value) {
  std::string out;
  write(value, out);
  check_text_size(out.size());
  return out;
}

std::string repr(std::string_view text) {
  const bool single = text.find('\'') != std::string_view::npos;
  const bool twice = text.find('"') != std::string_view::npos;
  const char32_t quote = single && !twice ? '"' : '\'';
  std::string out;
  append_character(out, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t point = next_character(text, at);
    if (point == quote || point == '\\') {
      out += '\\';
      append_character(out, point);
    } else if (point == '\n') {
      out += "\\n";
    } else if (point == '\r') {
      out += "\\r";
    } else if (point == '\t') {
      out += "\\t";
    } else if (unicode::is_printable(point)) {
      append_character(out, point);
    } else {
      write_escape(point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x", point, out);
    }
  }
  append_character(out, quote);
  return out;
}

std::string repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  // Shortest digits from to_chars; Python's own rule for where the exponent form begins (float_repr_style
  // 'r').
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific);
  const std::string scientific(buffer.data(), end.ptr);
  const std::size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  if (exponent >= -4 && exponent < 16) {
    std::array<char, 64> fixed{};
    const auto fixed_end =
        std::to_chars(fixed.data(), fixed.data() + fixed.size(), number, std::chars_format::fixed);
    std::string text(fixed.data(), fixed_end.ptr);
    if (text.find('.') == std::string::npos) text += ".0";
    return text;
  }
  return scientific;  // "1e+16", "1.5e-07": two digits of exponent at least, as in Python
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

void check_text_size(std::size_t count, std::size_t each) {
  if (each != 0 && count > kMaxTextBytes / each)
    fail("a string of more than " + std::to_string(kMaxTextBytes >> 20) + " MiB");
}

}  // namespace mhub::jinja
