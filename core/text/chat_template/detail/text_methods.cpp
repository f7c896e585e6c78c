// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>

#include "mhub/base/find_text.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/format.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

/// The methods of str. Those of Markup give Markup again, as in markupsafe.
namespace mhub::jinja {
namespace {

using Self = const Value&;
using Args = const Arguments&;

Value same_markup(Self self, std::string text) { return Value(std::move(text), self.markup()); }

Value text_list(Self self, std::vector<std::string> parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (std::string& part : parts) items.push_back(same_markup(self, std::move(part)));
  return make_list(std::move(items));
}

template <Side side>
Value do_strip(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("strip", arguments, {""}, 0);
  return same_markup(self, strip(self.text(), bound.given(0) ? &bound.text(0) : nullptr, side));
}

template <bool from_right>
Value do_split(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound(from_right ? "rsplit" : "split", arguments, {"sep", "maxsplit"}, 0);
  return text_list(
      self, split(self.text(), bound.given(0) ? &bound.text(0) : nullptr, bound.integer(1, -1), from_right));
}

Value do_splitlines(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("splitlines", arguments, {"keepends"}, 0);
  return text_list(self, split_lines(self.text(), bound.flag(0, false)));
}

template <bool from_right>
Value do_partition(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound(from_right ? "rpartition" : "partition", arguments, {""}, 1);
  const std::string& text = self.text();
  const std::string& separator = bound.text(0);
  if (separator.empty()) fail("empty separator");
  const std::size_t at = from_right ? rfind_text(text, separator) : find_text(text, separator);
  std::string before, middle, behind;
  if (at == std::string::npos) {
    (from_right ? behind : before) = text;
  } else {
    before = text.substr(0, at);
    middle = separator;
    behind = text.substr(at + separator.size());
  }
  return make_tuple({same_markup(self, before), same_markup(self, middle), same_markup(self, behind)});
}

Value do_replace(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("replace", arguments, {"", "", "count"}, 2);
  const std::string& replacement = bound.text(1);
  const bool escape = self.markup() && !bound.get(1)->markup();
  return same_markup(self, replace(self.text(), bound.text(0),
                                   escape ? html_escape(replacement) : replacement, bound.integer(2, -1)));
}

Value do_join(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("join", arguments, {""}, 1);
  std::string out;
  bool first = true;
  std::size_t index = 0;
  for (const Value& item : iterate(*bound.get(0))) {
    if (!first) out += self.text();
    first = false;
    if (!item.is_text() && !self.markup())
      fail("sequence item " + std::to_string(index) + ": expected str instance, " + item.type_name() +
           " found");
    out += self.markup() && !item.markup() ? html_escape(str(item)) : str(item);
    check_text_size(out.size());
    ++index;
  }
  return same_markup(self, std::move(out));
}

/// The bytes of text[start:end] that find, count, startswith, ... look at; false when start lies behind the
/// end.
bool part(Self self, const BoundArguments& bound, std::size_t start, std::size_t& begin, std::size_t& end) {
  const std::size_t size = count_characters(self.text());
  auto index = [&](std::size_t parameter) {
    return bound.given(parameter) ? Value(bound.integer(parameter, 0)) : Value();
  };
  const SliceRange range = slice_range(index(start), index(start + 1), Value(), size);
  const Value first = index(start);
  if (!first.is_none() && first.integer() > static_cast<std::int64_t>(size)) return false;
  if (range.start > range.stop) return false;
  begin = unicode::offset(self.text(), static_cast<std::size_t>(range.start));
  end = unicode::offset(self.text(), static_cast<std::size_t>(range.stop));
  return true;
}

std::int64_t find(Self self, const BoundArguments& bound, bool from_right) {
  std::size_t begin = 0;
  std::size_t end = 0;
  const std::string& wanted = bound.text(0);
  if (!part(self, bound, 1, begin, end)) return -1;
  const std::string_view text = std::string_view(self.text()).substr(begin, end - begin);
  const std::size_t at = from_right ? rfind_text(text, wanted) : find_text(text, wanted);
  if (at == std::string_view::npos) return -1;
  return static_cast<std::int64_t>(count_characters(std::string_view(self.text()).substr(0, begin + at)));
}

template <bool from_right>
Value do_find(Interpreter&, Self self, Args arguments) {
  return Value(find(self, BoundArguments("find", arguments, {"", "", ""}, 1), from_right));
}

template <bool from_right>
Value do_index(Interpreter&, Self self, Args arguments) {
  const std::int64_t index = find(self, BoundArguments("index", arguments, {"", "", ""}, 1), from_right);
  if (index < 0) fail("substring not found");
  return Value(index);
}

Value do_count(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("count", arguments, {"", "", ""}, 1);
  std::size_t begin = 0;
  std::size_t end = 0;
  const std::string& wanted = bound.text(0);
  if (!part(self, bound, 1, begin, end)) return Value(std::int64_t{0});
  const std::string_view text = std::string_view(self.text()).substr(begin, end - begin);
  if (wanted.empty()) return Value(static_cast<std::int64_t>(count_characters(text)) + 1);
  std::int64_t count = 0;
  for (std::size_t at = find_text(text, wanted); at != std::string_view::npos;
       at = find_text(text, wanted, at + wanted.size()))
    ++count;
  return Value(count);
}

template <bool at_end>
Value do_starts(Interpreter&, Self self, Args arguments) {
  const char* name = at_end ? "endswith" : "startswith";
  const BoundArguments bound(name, arguments, {"", "", ""}, 1);
  const bool several = bound.get(0)->is(Kind::tuple);
  const std::vector<Value> choices =
      several ? bound.get(0)->sequence().items : std::vector<Value>{Value(bound.text(0))};
  std::size_t begin = 0;
  std::size_t end = 0;
  if (!part(self, bound, 1, begin, end)) return Value(false);
  const std::string_view text = std::string_view(self.text()).substr(begin, end - begin);
  for (const Value& choice : choices) {
    if (!choice.is_text())
      fail(std::string(name) + " expects str or a tuple of str, not " + choice.type_name());
    if (at_end ? text.ends_with(choice.text()) : text.starts_with(choice.text())) return Value(true);
  }
  return Value(false);
}

template <bool at_end>
Value do_remove(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound(at_end ? "removesuffix" : "removeprefix", arguments, {""}, 1);
  const std::string& text = self.text();
  const std::string& affix = bound.text(0);
  if (at_end ? !text.ends_with(affix) : !text.starts_with(affix)) return self;
  return same_markup(self, at_end ? text.substr(0, text.size() - affix.size()) : text.substr(affix.size()));
}

template <Side side>
Value do_pad(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("just", arguments, {"", ""}, 1);
  return same_markup(self, pad(self.text(), bound.integer(0, 0), bound.get(1) ? bound.text(1) : " ", side));
}

Value do_zfill(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("zfill", arguments, {""}, 1);
  return same_markup(self, zero_fill(self.text(), bound.integer(0, 0)));
}

template <std::string (*change)(std::string_view)>
Value do_change(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("str method", arguments, {}, 0);
  return same_markup(self, change(self.text()));
}

Value do_format(Interpreter& interpreter, Self self, Args arguments) {
  if (self.markup()) unsupported("format() of a Markup string");
  return Value(format_text(interpreter, self.text(), arguments));
}

/// str.isalpha and its kin: at least one character, all of the kind.
template <bool (*kind)(char32_t)>
Value do_all(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("str method", arguments, {}, 0);
  const std::u32string points = unicode::to_points(self.text());
  return Value(!points.empty() && std::all_of(points.begin(), points.end(), kind));
}

bool is_alphanumeric(char32_t point) {
  return unicode::is_alpha(point) || unicode::is_decimal(point) || unicode::is_digit(point) ||
         unicode::is_numeric(point);
}

Value do_isascii(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("isascii", arguments, {}, 0);
  return Value(std::all_of(self.text().begin(), self.text().end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

template <bool upper>
Value do_iscase(Interpreter&, Self self, Args arguments) {
  return Value(tests().at(upper ? "upper" : "lower")(self, arguments));
}

Value do_istitle(Interpreter&, Self self, Args arguments) {
  const BoundArguments bound("istitle", arguments, {}, 0);
  bool any = false;
  bool inside = false;
  for (const char32_t point : unicode::to_points(self.text())) {
    const bool opens = unicode::is_upper(point) || unicode::is_title(point);
    const bool follows = unicode::is_lower(point);
    if ((opens && inside) || (follows && !inside)) return Value(false);
    any = any || opens || follows;
    inside = opens || follows;
  }
  return Value(any);
}

}  // namespace

Method text_method(std::string_view name) {
  static const std::unordered_map<std::string_view, Method> methods = {
      {"strip", do_strip<Side::both>},
      {"lstrip", do_strip<Side::left>},
      {"rstrip", do_strip<Side::right>},
      {"split", do_split<false>},
      {"rsplit", do_split<true>},
      {"splitlines", do_splitlines},
      {"partition", do_partition<false>},
      {"rpartition", do_partition<true>},
      {"replace", do_replace},
      {"join", do_join},
      {"find", do_find<false>},
      {"rfind", do_find<true>},
      {"index", do_index<false>},
      {"rindex", do_index<true>},
      {"count", do_count},
      {"startswith", do_starts<false>},
      {"endswith", do_starts<true>},
      {"removeprefix", do_remove<false>},
      {"removesuffix", do_remove<true>},
      {"ljust", do_pad<Side::left>},
      {"rjust", do_pad<Side::right>},
      {"center", do_pad<Side::both>},
      {"zfill", do_zfill},
      {"upper", do_change<unicode::upper>},
      {"lower", do_change<unicode::lower>},
      {"title", do_change<title>},
      {"capitalize", do_change<capitalize>},
      {"swapcase", do_change<swap_case>},
      {"format", do_format},
      {"isalpha", do_all<unicode::is_alpha>},
      {"isalnum", do_all<is_alphanumeric>},
      {"isdecimal", do_all<unicode::is_decimal>},
      {"isdigit", do_all<unicode::is_digit>},
      {"isnumeric", do_all<unicode::is_numeric>},
      {"isspace", do_all<unicode::is_space>},
      {"isascii", do_isascii},
      {"isupper", do_iscase<true>},
      {"islower", do_iscase<false>},
      {"istitle", do_istitle},
  };
  const auto method = methods.find(name);
  return method == methods.end() ? nullptr : method->second;
}

}  // namespace mhub::jinja
