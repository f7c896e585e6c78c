// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mhub/text/chat_template/detail/value.hpp"

/// What a template finds without anyone passing it: filters, tests, functions, methods of values.
namespace mhub::jinja {

struct FilterEntry {
  Value (*function)(Interpreter&, const Value& input, const Arguments& arguments);
  bool deep;  ///< looks into the elements of its input, not only at the list
};
using FilterTable = std::unordered_map<std::string_view, FilterEntry>;
/// jinja2.filters.FILTERS with transformers' tojson.
const FilterTable& filters();
void add_text_filters(FilterTable& table);
void add_number_filters(FilterTable& table);
void add_sequence_filters(FilterTable& table);
void add_selection_filters(FilterTable& table);
void add_order_filters(FilterTable& table);

using TestTable =
    std::unordered_map<std::string_view, bool (*)(const Value& input, const Arguments& arguments)>;
/// jinja2.tests.TESTS
const TestTable& tests();

/// range, namespace, dict, raise_exception, strftime_now; nothing when there is no such function.
std::optional<Value> global_function(std::string_view name);

/// A method of a str, list, tuple, dict, range or of `loop`, bound to its object; an attribute of those.
/// Undefined for methods that would change the object; nothing when Python's type has no such attribute.
std::optional<Value> member(const Value& object, std::string_view name);
using Method = Value (*)(Interpreter&, const Value& self, const Arguments& arguments);
/// Null when this is no method of str.
Method text_method(std::string_view name);
std::optional<Value> loop_member(const std::shared_ptr<Loop>& loop, std::string_view name);

/// json.dumps, as transformers' tojson calls it.
Value to_json(const Value& value, const Arguments& arguments);
/// datetime.strftime of a local time without a time zone.
std::string format_time(const std::string& format, std::chrono::system_clock::time_point time);

}  // namespace mhub::jinja
