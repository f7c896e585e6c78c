// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

namespace mhub::jinja {
namespace {

/// json.dumps(x, ensure_ascii=, indent=, separators=, sort_keys=) of CPython's json.encoder.
class JsonWriter {
 public:
  explicit JsonWriter(const BoundArguments& options)
      : ascii_(options.flag(0, false)), indented_(options.given(1)), sorted_(options.flag(3, false)) {
    if (indented_) {
      const Value& indent = *options.get(1);
      if (indent.is_text()) {
        indent_ = indent.text();
      } else {
        const auto width = static_cast<std::size_t>(std::max<std::int64_t>(options.integer(1, 0), 0));
        check_text_size(width);
        indent_.assign(width, ' ');
      }
      item_separator_ = ",";
    }
    if (options.given(2)) {
      const Elements separators = iterate(*options.get(2));
      if (separators.size() != 2 || !separators[0].is_text() || !separators[1].is_text())
        fail("tojson: separators must be two strings");
      item_separator_ = separators[0].text();
      key_separator_ = separators[1].text();
    }
  }

  std::string write(const Value& value) {
    put(value);
    check_text_size(out_.size());
    return std::move(out_);
  }

 private:
  void put(const Value& value) {
    check_text_size(out_.size());
    switch (value.kind()) {
      case Kind::none: out_ += "null"; break;
      case Kind::boolean: out_ += value.as<bool>() ? "true" : "false"; break;
      case Kind::integer: out_ += std::to_string(value.integer()); break;
      case Kind::real: out_ += number(value.number()); break;
      case Kind::text: put_text(value.text()); break;
      case Kind::list:
      case Kind::tuple: put_list(value.sequence().items); break;
      case Kind::dict: put_dict(value.dict()); break;
      default: fail("Object of type " + value.type_name() + " is not JSON serializable");
    }
  }

  static std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return repr(value);
  }

  void put_list(const std::vector<Value>& items) {
    if (items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += item_separator_;
      new_line();
      put(items[i]);
    }
    --level_;
    new_line();
    out_ += ']';
  }

  void put_dict(const Dict& dict) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<std::pair<Value, Value>> entries = dict.entries;
    if (sorted_) {
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return less(a.first, b.first); });
    }
    out_ += '{';
    ++level_;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_ += item_separator_;
      new_line();
      put_text(key(entries[i].first));
      out_ += key_separator_;
      put(entries[i].second);
    }
    --level_;
    new_line();
    out_ += '}';
  }

  static std::string key(const Value& key) {
    switch (key.kind()) {
      case Kind::text: return key.text();
      case Kind::none: return "null";
      case Kind::boolean: return key.as<bool>() ? "true" : "false";
      case Kind::integer: return std::to_string(key.integer());
      case Kind::real: return number(key.number());
      default: fail("keys must be str, int, float, bool or None, not " + key.type_name());
    }
  }

  void new_line() {
    if (!indented_) return;
    out_ += '\n';
    for (int i = 0; i < level_; ++i) out_ += indent_;
    check_text_size(out_.size());
  }

  void put_escape(unsigned unit) {
    std::array<char, 8> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x", unit & 0xFFFF);
    out_ += buffer.data();
  }

  void put_text(std::string_view text) {
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const char32_t point = next_character(text, at);
      switch (point) {
        case '"': out_ += "\\\""; continue;
        case '\\': out_ += "\\\\"; continue;
        case '\n': out_ += "\\n"; continue;
        case '\r': out_ += "\\r"; continue;
        case '\t': out_ += "\\t"; continue;
        case '\b': out_ += "\\b"; continue;
        case '\f': out_ += "\\f"; continue;
        default: break;
      }
      if (point >= 0x20 && (!ascii_ || point < 0x7F)) {
        append_character(out_, point);
      } else if (point < 0x10000) {
        put_escape(static_cast<unsigned>(point));
      } else {
        put_escape(static_cast<unsigned>(0xD800 + ((point - 0x10000) >> 10)));
        put_escape(static_cast<unsigned>(0xDC00 + ((point - 0x10000) & 0x3FF)));
      }
    }
    out_ += '"';
  }

  bool ascii_, indented_, sorted_;
  std::string indent_;
  std::string item_separator_ = ", ";
  std::string key_separator_ = ": ";
  int level_ = 0;
  std::string out_;
};

}  // namespace

Value to_json(const Value& value, const Arguments& arguments) {
  const BoundArguments options("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  return Value(JsonWriter(options).write(value));
}

}  // namespace mhub::jinja
