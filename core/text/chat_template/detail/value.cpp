// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/operators.hpp"

namespace mhub::jinja {
namespace {

void add_child(const Value& child, std::size_t& weight, int& depth) {
  weight += child.weight();
  depth = std::max(depth, child.depth() + 1);
  if (weight > kMaxWeight) fail("a list or dict with more than " + std::to_string(kMaxWeight) + " elements");
  if (depth > kMaxValueDepth) fail("values nested deeper than " + std::to_string(kMaxValueDepth) + " levels");
}

std::vector<Value> view_items(const View& view) {
  std::vector<Value> items;
  items.reserve(view.dict->entries.size());
  for (const auto& [key, value] : view.dict->entries) {
    switch (view.part) {
      case View::Part::keys: items.push_back(key); break;
      case View::Part::values: items.push_back(value); break;
      case View::Part::items: items.push_back(make_tuple({key, value})); break;
    }
  }
  return items;
}

std::vector<Value> characters(std::string_view text) {
  std::vector<Value> items;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    next_character(text, at);
    items.emplace_back(text.substr(begin, at - begin));
  }
  return items;
}

Value from_json(const nlohmann::ordered_json& json, int depth) {
  if (depth > kMaxValueDepth) fail("JSON nested deeper than " + std::to_string(kMaxValueDepth) + " levels");
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, value] : json.items()) dict->set(Value(key), from_json(value, depth + 1));
      return Value(std::shared_ptr<const Dict>(std::move(dict)));
    }
    case nlohmann::ordered_json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(from_json(item, depth + 1));
      return make_list(std::move(items));
    }
    case nlohmann::ordered_json::value_t::string: return Value(json.get_ref<const std::string&>());
    case nlohmann::ordered_json::value_t::boolean: return Value(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_integer: return Value(json.get<std::int64_t>());
    case nlohmann::ordered_json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        unsupported("the integer " + std::to_string(number) + " (beyond 64 bits)");
      return Value(static_cast<std::int64_t>(number));
    }
    case nlohmann::ordered_json::value_t::number_float: return Value(json.get<double>());
    default: return Value();
  }
}

}  // namespace

const Sequence& Value::sequence() const {
  return is(Kind::list) ? *as<ListRef>().sequence : *as<TupleRef>().sequence;
}

std::int64_t Value::integer() const {
  return is(Kind::boolean) ? static_cast<std::int64_t>(as<bool>()) : as<std::int64_t>();
}

double Value::number() const { return is(Kind::real) ? as<double>() : static_cast<double>(integer()); }

bool Value::truthy() const {
  switch (kind()) {
    case Kind::undefined:
    case Kind::none: return false;
    case Kind::boolean: return as<bool>();
    case Kind::integer: return as<std::int64_t>() != 0;
    case Kind::real: return as<double>() != 0;
    case Kind::text: return !text().empty();
    case Kind::list:
    case Kind::tuple: return !sequence().items.empty();
    case Kind::dict: return !dict().entries.empty();
    case Kind::range: return as<std::shared_ptr<const Range>>()->size() > 0;
    case Kind::view: return !as<View>().dict->entries.empty();
    case Kind::iterator:
    case Kind::space:
    case Kind::callable: return true;
    case Kind::loop: return !as<std::shared_ptr<Loop>>()->items->items.empty();
  }
  return true;
}

std::size_t Value::weight() const {
  switch (kind()) {
    case Kind::text: return 1 + text().size() / 64;
    case Kind::list:
    case Kind::tuple: return sequence().weight;
    case Kind::dict: return dict().weight;
    case Kind::view: return as<View>().dict->weight;
    case Kind::iterator: return 1 + as<std::shared_ptr<Iterator>>()->items.size();
    default: return 1;
  }
}

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is(Kind::dict)) return dict().depth;
  if (is(Kind::view)) return as<View>().dict->depth;
  if (is(Kind::iterator)) {
    int deepest = 0;
    for (const Value& item : as<std::shared_ptr<Iterator>>()->items)
      deepest = std::max(deepest, item.depth());
    return deepest + 1;
  }
  return 0;
}

std::string Value::type_name() const {
  switch (kind()) {
    case Kind::undefined: return "Undefined";
    case Kind::none: return "NoneType";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::real: return "float";
    case Kind::text: return "str";
    case Kind::list: return "list";
    case Kind::tuple: return "tuple";
    case Kind::dict: return "dict";
    case Kind::range: return "range";
    case Kind::view:
      switch (as<View>().part) {
        case View::Part::keys: return "dict_keys";
        case View::Part::values: return "dict_values";
        case View::Part::items: return "dict_items";
      }
      return "dict_items";
    case Kind::iterator: return "generator";
    case Kind::space: return "Namespace";
    case Kind::callable: return "function";
    case Kind::loop: return "LoopContext";
  }
  return "object";
}

std::size_t KeyHash::operator()(const Value& key) const {
  switch (key.kind()) {
    case Kind::undefined: return 1;
    case Kind::none: return 2;
    case Kind::boolean:
    case Kind::integer: return std::hash<std::int64_t>()(key.integer());
    case Kind::real: {
      const double number = key.number();
      constexpr double kBound = 9.2e18;
      if (std::abs(number) < kBound && number == std::trunc(number))
        return std::hash<std::int64_t>()(static_cast<std::int64_t>(number));
      return std::hash<double>()(number);
    }
    case Kind::text: return std::hash<std::string>()(key.text());
    case Kind::tuple: {
      std::size_t hash = 3;
      for (const Value& item : key.sequence().items) hash = hash * 1000003 + (*this)(item);
      return hash;
    }
    case Kind::range: {
      const Range& range = *key.as<std::shared_ptr<const Range>>();
      return static_cast<std::size_t>(range.size()) * 31 +
             static_cast<std::size_t>(range.size() > 0 ? range.start : 0);
    }
    default: fail("unhashable type: '" + key.type_name() + "'");
  }
}

bool KeyEqual::operator()(const Value& a, const Value& b) const { return equal(a, b); }

Sequence::Sequence(std::vector<Value> elements) : items(std::move(elements)), weight(1), depth(1) {
  if (items.size() > kMaxItems) fail("a list of more than " + std::to_string(kMaxItems) + " elements");
  for (const Value& item : items) add_child(item, weight, depth);
}

void Dict::set(const Value& key, Value value) {
  add_child(key, weight, depth);
  add_child(value, weight, depth);
  const auto [place, added] = index.try_emplace(key, entries.size());
  if (added) {
    entries.emplace_back(key, std::move(value));
  } else {
    entries[place->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key) const {
  if (entries.empty()) KeyHash()(key);  // a key that cannot be hashed is an error here, too
  const auto place = index.find(key);
  return place == index.end() ? nullptr : &entries[place->second].second;
}

const Value* Dict::find(std::string_view key) const { return find(Value(key)); }

std::int64_t Range::size() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

const Value* Space::find(std::string_view name) const {
  for (const auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

void Space::set(std::string_view name, Value value) {
  for (auto& [key, old] : attributes) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

Value make_undefined(std::string message) {
  return Value(Undefined{std::make_shared<const std::string>(std::move(message))});
}
Value make_list(std::vector<Value> items) {
  return Value(ListRef{std::make_shared<const Sequence>(std::move(items))});
}
Value make_tuple(std::vector<Value> items) {
  return Value(TupleRef{std::make_shared<const Sequence>(std::move(items))});
}
Value make_iterator(std::vector<Value> items) {
  auto iterator = std::make_shared<Iterator>();
  iterator->items = std::move(items);
  return Value(std::move(iterator));
}
Value make_callable(std::string name, std::function<Value(Interpreter&, Arguments&)> function,
                    Callable::Attributes attributes) {
  return Value(std::shared_ptr<const Callable>(
      std::make_shared<Callable>(Callable{std::move(name), std::move(function), attributes})));
}

bool is_iterable(const Value& value) {
  switch (value.kind()) {
    case Kind::none:
    case Kind::boolean:
    case Kind::integer:
    case Kind::real:
    case Kind::space:
    case Kind::callable: return false;
    default: return true;
  }
}

Elements iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined: return Elements(std::vector<Value>());
    case Kind::text: return Elements(characters(value.text()));
    case Kind::list: return Elements(value.as<ListRef>().sequence);
    case Kind::tuple: return Elements(value.as<TupleRef>().sequence);
    case Kind::dict: {
      const View keys{value.as<std::shared_ptr<const Dict>>(), View::Part::keys};
      return Elements(view_items(keys));
    }
    case Kind::view: return Elements(view_items(value.as<View>()));
    case Kind::range: {
      const Range& range = *value.as<std::shared_ptr<const Range>>();
      std::vector<Value> items;
      const std::int64_t size = range.size();
      items.reserve(static_cast<std::size_t>(size));
      for (std::int64_t i = 0; i < size; ++i) items.emplace_back(range.start + i * range.step);
      return Elements(std::move(items));
    }
    case Kind::iterator: {
      Iterator& iterator = *value.as<std::shared_ptr<Iterator>>();
      std::vector<Value> items(iterator.items.begin() + static_cast<std::ptrdiff_t>(iterator.next),
                               iterator.items.end());
      iterator.next = iterator.items.size();
      return Elements(std::move(items));
    }
    case Kind::loop: unsupported("iterating over loop");
    default: fail("'" + value.type_name() + "' object is not iterable");
  }
}

std::size_t length(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined: return 0;
    case Kind::text: return count_characters(value.text());
    case Kind::list:
    case Kind::tuple: return value.sequence().items.size();
    case Kind::dict: return value.dict().entries.size();
    case Kind::view: return value.as<View>().dict->entries.size();
    case Kind::range: return static_cast<std::size_t>(value.as<std::shared_ptr<const Range>>()->size());
    case Kind::loop: return value.as<std::shared_ptr<Loop>>()->items->items.size();
    default: fail("object of type '" + value.type_name() + "' has no len()");
  }
}

Value from_json(const nlohmann::ordered_json& json) { return from_json(json, 1); }

}  // namespace mhub::jinja
