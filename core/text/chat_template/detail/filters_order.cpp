// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "mhub/text/chat_template/detail/arguments.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/item_getter.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"

/// Filters that compare elements; each follows its namesake in jinja2/filters.py.
namespace mhub::jinja {
namespace {

struct Keyed {
  Value key, value;
};

/// Python's sorted(): stable, also when reversed. Merges by hand, because an order that contradicts itself
/// (NaN) must not confuse std::stable_sort, and charges for each comparison.
void sort(Interpreter& interpreter, std::vector<Keyed>& items, bool reversed) {
  std::vector<Keyed> merged(items.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, items.size());
      const std::size_t end = std::min(begin + 2 * width, items.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t out = begin; out < end; ++out) {
        bool take_right = left == middle;
        if (left < middle && right < end) {
          interpreter.charge(items[left].key.weight());
          take_right =
              reversed ? less(items[left].key, items[right].key) : less(items[right].key, items[left].key);
        }
        merged[out] = std::move(items[take_right ? right++ : left++]);
      }
    }
    items.swap(merged);
  }
}

std::vector<Value> values(std::vector<Keyed> items) {
  std::vector<Value> result;
  for (Keyed& item : items) result.push_back(std::move(item.value));
  return result;
}

Value cased(const Value& key, bool case_sensitive) { return case_sensitive ? key : ignore_case(key); }

/// make_multi_attrgetter: "a,b" sorts by a, then by b.
std::vector<ItemGetter> getters(Interpreter& interpreter, const Value& attribute) {
  std::vector<ItemGetter> result;
  if (!attribute.is_text()) {
    result.emplace_back(interpreter, attribute);
    return result;
  }
  const std::string comma = ",";
  for (const std::string& path : split(attribute.text(), &comma, -1, false))
    result.emplace_back(interpreter, Value(path));
  return result;
}

Value sorted(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("sort", arguments, {"reverse", "case_sensitive", "attribute"}, 0);
  const std::vector<ItemGetter> keys = getters(interpreter, bound.get(2) ? *bound.get(2) : Value());
  std::vector<Keyed> items;
  for (const Value& item : iterate(input)) {
    std::vector<Value> key;
    for (const ItemGetter& getter : keys) key.push_back(cased(getter(item), bound.flag(1, false)));
    items.push_back({make_list(std::move(key)), item});
  }
  sort(interpreter, items, bound.flag(0, false));
  return make_list(values(std::move(items)));
}

Value dictsort(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"case_sensitive", "by", "reverse"}, 0);
  const std::string by = bound.get(1) ? bound.text(1) : "key";
  if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) fail(*input.as<Undefined>().message);
  if (!input.is(Kind::dict)) fail("'" + input.type_name() + "' object has no attribute 'items'");
  std::vector<Keyed> items;
  for (const auto& [key, value] : input.dict().entries)
    items.push_back({cased(by == "key" ? key : value, bound.flag(0, false)), make_tuple({key, value})});
  sort(interpreter, items, bound.flag(2, false));
  return make_list(values(std::move(items)));
}

Value unique(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("unique", arguments, {"case_sensitive", "attribute"}, 0);
  const ItemGetter getter(interpreter, bound.get(1) ? *bound.get(1) : Value());
  std::unordered_set<Value, KeyHash, KeyEqual> seen;
  std::vector<Value> result;
  for (const Value& item : iterate(input))
    if (seen.insert(cased(getter(item), bound.flag(0, false))).second) result.push_back(item);
  return make_iterator(std::move(result));
}

template <bool greatest>
Value extreme(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(greatest ? "max" : "min", arguments, {"case_sensitive", "attribute"}, 0);
  const ItemGetter getter(interpreter, bound.get(1) ? *bound.get(1) : Value());
  const Elements items = iterate(input);
  if (items.empty()) return make_undefined("No aggregated item, sequence was empty.");
  Value best = items[0];
  Value best_key = cased(getter(best), bound.flag(0, false));
  for (std::size_t i = 1; i < items.size(); ++i) {
    const Value key = cased(getter(items[i]), bound.flag(0, false));
    if (!(greatest ? less(best_key, key) : less(key, best_key))) continue;
    best = items[i];
    best_key = key;
  }
  return best;
}

/// Groups are (grouper, list) pairs; jinja2's group.grouper and group.list are not supported, only unpacking
/// and indices.
Value groupby(Interpreter& interpreter, const Value& input, const Arguments& arguments) {
  const BoundArguments bound("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const ItemGetter getter(interpreter, *bound.get(0), bound.get(1));
  std::vector<Keyed> items;
  for (const Value& item : iterate(input)) items.push_back({cased(getter(item), bound.flag(2, false)), item});
  sort(interpreter, items, false);
  std::vector<Value> groups;
  for (std::size_t begin = 0; begin < items.size();) {
    std::vector<Value> members;
    std::size_t end = begin;
    for (; end < items.size() && equal(items[begin].key, items[end].key); ++end)
      members.push_back(items[end].value);
    if (end == begin) unsupported("grouping by values that do not equal themselves");
    groups.push_back(make_tuple({getter(members.front()), make_list(std::move(members))}));
    begin = end;
  }
  return make_list(std::move(groups));
}

}  // namespace

void add_order_filters(FilterTable& table) {
  table["sort"] = {sorted, true};
  table["dictsort"] = {dictsort, true};
  table["unique"] = {unique, true};
  table["min"] = {extreme<false>, true};
  table["max"] = {extreme<true>, true};
  table["groupby"] = {groupby, true};
}

}  // namespace mhub::jinja
