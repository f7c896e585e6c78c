// SPDX-License-Identifier: Apache-2.0
#include <cctype>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/format.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

/// Filters that make text of one value; each follows its namesake in jinja2/filters.py.
namespace mhub::jinja {
namespace {

/// markupsafe.soft_str: str() that keeps Markup.
Value soft(const Value& value, std::string text) { return Value(std::move(text), value.markup()); }

template <std::string (*change)(std::string_view)>
Value change_case(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("the filter", arguments, {}, 0);
  return soft(input, change(str(input)));
}

/// jinja2's own idea of a title: words begin behind blanks, hyphens and opening brackets.
std::string title_words(std::string_view text) {
  std::string out;
  bool first = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_character(text, at);
    const std::string_view character = text.substr(begin, at - begin);
    const bool separator =
        unicode::is_space(point) || std::u32string_view(U"-({[<").find(point) != std::u32string_view::npos;
    out += first ? unicode::upper(character) : unicode::lower(character);
    first = separator;
  }
  return out;
}

Value title_filter(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("title", arguments, {}, 0);
  return Value(title_words(str(input)));
}

Value trim(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("trim", arguments, {"chars"}, 0);
  return soft(input, strip(str(input), bound.given(0) ? &bound.text(0) : nullptr, Side::both));
}

Value replace_text(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"}, 2);
  const std::int64_t count = bound.given(2) ? bound.integer(2, -1) : -1;
  return Value(replace(str(input), str(*bound.get(0)), str(*bound.get(1)), count));
}

Value indent(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("indent", arguments, {"width", "first", "blank"}, 0);
  if (input.is_undefined()) fail(*input.as<Undefined>().message);
  if (!input.is_text()) fail("indent() expects a str, not " + input.type_name());
  std::string indention;
  if (bound.get(0) != nullptr && bound.get(0)->is_text()) {
    indention = bound.text(0);
  } else {
    const auto width = static_cast<std::size_t>(std::max<std::int64_t>(bound.integer(0, 4), 0));
    check_text_size(width);
    indention.assign(width, ' ');
  }
  const bool blank_lines = bound.flag(2, false);
  const std::vector<std::string> lines = split_lines(input.text() + "\n", false);
  std::string out = bound.flag(1, false) ? indention : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out += '\n';
      if (blank_lines || !lines[i].empty()) out += indention;
    }
    out += lines[i];
    check_text_size(out.size());
  }
  return soft(input, std::move(out));
}

Value to_text(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("string", arguments, {}, 0);
  return input.is_text() ? input : Value(str(input));
}

Value mark_safe(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("safe", arguments, {}, 0);
  return Value(str(input), true);
}

Value escape(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("escape", arguments, {}, 0);
  return input.markup() ? input : Value(html_escape(str(input)), true);
}

Value force_escape(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("forceescape", arguments, {}, 0);
  return Value(html_escape(str(input)), true);
}

Value json(Interpreter&, const Value& input, const Arguments& arguments) { return to_json(input, arguments); }

/// text % arguments
Value format(Interpreter&, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    fail("can't handle positional and keyword arguments at the same time");
  if (arguments.named.empty()) return percent_format(Value(str(input)), make_tuple(arguments.positional));
  auto named = std::make_shared<Dict>();
  for (const auto& [name, value] : arguments.named) named->set(Value(name), value);
  return percent_format(Value(str(input)), Value(std::shared_ptr<const Dict>(std::move(named))));
}

Value center(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("center", arguments, {"width"}, 0);
  return soft(input, pad(str(input), bound.integer(0, 80), " ", Side::both));
}

/// Runs of letters, digits and underscores (\w+).
Value word_count(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("wordcount", arguments, {}, 0);
  std::int64_t words = 0;
  bool inside = false;
  for (const char32_t point : unicode::to_points(str(input))) {
    const bool word = point == '_' || unicode::is_alpha(point) || unicode::is_numeric(point);
    words += word && !inside;
    inside = word;
  }
  return Value(words);
}

Value truncate(Interpreter&, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("truncate", arguments, {"length", "killwords", "end", "leeway"}, 0);
  const std::u32string end = unicode::to_points(bound.get(2) ? bound.text(2) : "...");
  const std::int64_t longest = bound.integer(0, 255);
  const std::int64_t leeway = bound.given(3) ? bound.integer(3, 5) : 5;
  const auto end_size = static_cast<std::int64_t>(end.size());
  if (longest < end_size || leeway < 0) fail("truncate() expects length >= the end's, and leeway >= 0");
  if (static_cast<std::int64_t>(length(input)) - leeway <= longest) return input;
  if (!input.is_text()) fail("truncate() expects a str, not " + input.type_name());
  const std::u32string text = unicode::to_points(input.text());
  std::u32string kept = text.substr(0, static_cast<std::size_t>(longest - end_size));
  if (!bound.flag(1, false))
    if (const std::size_t blank = kept.rfind(U' '); blank != std::u32string::npos) kept.resize(blank);
  return Value(unicode::from_points(kept + end));
}

}  // namespace

void add_text_filters(FilterTable& table) {
  table["trim"] = {trim, true};
  table["replace"] = {replace_text, true};
  table["indent"] = {indent, true};
  table["upper"] = {change_case<unicode::upper>, true};
  table["lower"] = {change_case<unicode::lower>, true};
  table["title"] = {title_filter, true};
  table["capitalize"] = {change_case<capitalize>, true};
  table["string"] = {to_text, true};
  table["safe"] = {mark_safe, true};
  table["escape"] = table["e"] = {escape, true};
  table["forceescape"] = {force_escape, true};
  table["tojson"] = {json, true};
  table["format"] = {format, true};
  table["center"] = {center, true};
  table["wordcount"] = {word_count, true};
  table["truncate"] = {truncate, true};
}

}  // namespace mhub::jinja
