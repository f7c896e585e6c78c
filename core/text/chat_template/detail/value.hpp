// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mhub::jinja {

class Value;
class Interpreter;
struct Sequence;
struct Dict;
struct Range;
struct Iterator;
struct Space;
struct Callable;
struct Loop;

/// jinja2's Undefined: prints as nothing, is false and empty, and any other use fails with `message`.
struct Undefined {
  std::shared_ptr<const std::string> message;
};
struct None {};
/// A str, UTF-8. `markup` marks what went through `safe` or `escape`: joining it by `+` escapes the other
/// side.
struct Text {
  std::shared_ptr<const std::string> bytes;
  bool markup = false;
};
struct ListRef {
  std::shared_ptr<const Sequence> sequence;
};
struct TupleRef {
  std::shared_ptr<const Sequence> sequence;
};
/// dict.keys(), dict.values() or dict.items().
struct View {
  enum class Part { keys, values, items };
  std::shared_ptr<const Dict> dict;
  Part part;
};

/// The order of Value's alternatives.
enum class Kind {
  undefined,
  none,
  boolean,
  integer,
  real,
  text,
  list,
  tuple,
  dict,
  range,
  view,
  iterator,
  space,
  callable,
  loop
};

/// A Python object as a template sees one. Everything but iterators, loops and namespaces is immutable, as
/// jinja2's ImmutableSandboxedEnvironment makes it; copies share.
class Value {
 public:
  Value() : data_(None{}) {}
  explicit Value(Undefined undefined) : data_(std::move(undefined)) {}
  explicit Value(bool boolean) : data_(boolean) {}
  explicit Value(std::int64_t integer) : data_(integer) {}
  explicit Value(double real) : data_(real) {}
  explicit Value(std::string text, bool markup = false)
      : data_(Text{std::make_shared<const std::string>(std::move(text)), markup}) {}
  explicit Value(std::string_view text) : Value(std::string(text)) {}
  explicit Value(const char* text) : Value(std::string(text)) {}
  explicit Value(Text text) : data_(std::move(text)) {}
  explicit Value(ListRef list) : data_(std::move(list)) {}
  explicit Value(TupleRef tuple) : data_(std::move(tuple)) {}
  explicit Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  explicit Value(std::shared_ptr<const Range> range) : data_(std::move(range)) {}
  explicit Value(View view) : data_(std::move(view)) {}
  explicit Value(std::shared_ptr<Iterator> iterator) : data_(std::move(iterator)) {}
  explicit Value(std::shared_ptr<Space> space) : data_(std::move(space)) {}
  explicit Value(std::shared_ptr<const Callable> callable) : data_(std::move(callable)) {}
  explicit Value(std::shared_ptr<Loop> loop) : data_(std::move(loop)) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_none() const { return is(Kind::none); }
  bool is_undefined() const { return is(Kind::undefined); }
  bool is_text() const { return is(Kind::text); }
  /// int, or bool, which is one in Python
  bool is_integral() const { return is(Kind::integer) || is(Kind::boolean); }
  bool is_number() const { return is_integral() || is(Kind::real); }
  bool is_sequence() const { return is(Kind::list) || is(Kind::tuple); }

  /// The value as this alternative; the caller has checked the kind.
  template <typename T>
  const T& as() const {
    return std::get<T>(data_);
  }
  const std::string& text() const { return *as<Text>().bytes; }
  bool markup() const { return is_text() && as<Text>().markup; }
  const Sequence& sequence() const;
  const Dict& dict() const { return *as<std::shared_ptr<const Dict>>(); }
  std::int64_t integer() const;  ///< of is_integral()
  double number() const;         ///< of is_number()

  bool truthy() const;
  /// Roughly how many elements and 64-byte pieces of text an operation over the whole value looks at.
  std::size_t weight() const;
  int depth() const;
  /// Python's name of the type: 'str', 'dict', 'NoneType', ...
  std::string type_name() const;

 private:
  std::variant<Undefined, None, bool, std::int64_t, double, Text, ListRef, TupleRef,
               std::shared_ptr<const Dict>, std::shared_ptr<const Range>, View, std::shared_ptr<Iterator>,
               std::shared_ptr<Space>, std::shared_ptr<const Callable>, std::shared_ptr<Loop>>
      data_;
};

/// Python's hash and ==, for keys: 1, 1.0 and True are one key. Fails for what Python cannot hash.
struct KeyHash {
  std::size_t operator()(const Value& key) const;
};
struct KeyEqual {
  bool operator()(const Value& a, const Value& b) const;
};

/// The elements of a list or tuple.
struct Sequence {
  explicit Sequence(std::vector<Value> elements);
  std::vector<Value> items;
  std::size_t weight;
  int depth;
};

/// A dict: entries in order of insertion. Built once, then shared.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<Value, std::size_t, KeyHash, KeyEqual> index;
  std::size_t weight = 1;
  int depth = 1;

  void set(const Value& key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
};

struct Range {
  std::int64_t start, stop, step;
  std::int64_t size() const;
};

/// A generator: can be walked once. Its elements are computed when it is made.
struct Iterator {
  std::vector<Value> items;
  std::size_t next = 0;
};

/// namespace(...): the one object that a template can change.
struct Space {
  std::vector<std::pair<std::string, Value>> attributes;
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

/// The `loop` variable.
struct Loop {
  std::shared_ptr<const Sequence> items;
  std::size_t index0 = 0;
  std::vector<Value> last_changed;
  bool changed_before = false;
};

/// What a call was given.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A function, macro or bound method.
struct Callable {
  /// Of Python's object: a function has none, a macro those of jinja2's class, and any of the type dict is a
  /// generic alias.
  enum class Attributes { none, macro, any };
  std::string name;
  std::function<Value(Interpreter&, Arguments&)> function;
  Attributes attributes = Attributes::none;
};

Value make_undefined(std::string message);
Value make_list(std::vector<Value> items);
Value make_tuple(std::vector<Value> items);
Value make_iterator(std::vector<Value> items);
Value make_callable(std::string name, std::function<Value(Interpreter&, Arguments&)> function,
                    Callable::Attributes attributes = Callable::Attributes::none);

/// What iterating over a value gives. Holds the elements, so that `for (... : iterate(value))` is safe.
class Elements {
 public:
  explicit Elements(std::shared_ptr<const Sequence> sequence) : sequence_(std::move(sequence)) {}
  explicit Elements(std::vector<Value> items)
      : sequence_(std::make_shared<const Sequence>(std::move(items))) {}

  const std::shared_ptr<const Sequence>& sequence() const { return sequence_; }
  auto begin() const { return sequence_->items.begin(); }
  auto end() const { return sequence_->items.end(); }
  std::size_t size() const { return sequence_->items.size(); }
  bool empty() const { return sequence_->items.empty(); }
  const Value& operator[](std::size_t index) const { return sequence_->items[index]; }
  std::vector<Value> copy() const { return sequence_->items; }

 private:
  std::shared_ptr<const Sequence> sequence_;
};

/// Characters, keys, ...; consumes an iterator. Fails for what is not iterable.
Elements iterate(const Value& value);
bool is_iterable(const Value& value);
/// Python's len().
std::size_t length(const Value& value);

/// A JSON document as Python's json.loads gives it. Fails for integers beyond 64 bits.
Value from_json(const nlohmann::ordered_json& json);

}  // namespace mhub::jinja
