// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/interpreter.hpp"

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter_guards.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::jinja {
namespace {

/// jinja2.utils.object_type_repr
std::string describe(const Value& object) {
  if (object.is_none()) return "None";
  if (object.is(Kind::space)) return "jinja2.utils.Namespace object";
  return object.type_name() + " object";
}

Value no_attribute(const Value& object, std::string_view name) {
  return make_undefined("'" + describe(object) + "' has no attribute " + repr(name));
}

/// obj[key] of Python, without exceptions: null when it raises LookupError or TypeError.
std::optional<Value> subscript(const Value& object, const Value& key) {
  if (object.is(Kind::dict)) {
    // unhashable keys raise TypeError, which jinja2 takes for "not there"
    if (key.is(Kind::list) || key.is(Kind::dict)) return std::nullopt;
    const Value* found = object.dict().find(key);
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  if (!key.is_integral()) return std::nullopt;
  if (!object.is_text() && !object.is_sequence() && !object.is(Kind::range)) return std::nullopt;
  const auto size = static_cast<std::int64_t>(length(object));
  std::int64_t index = key.integer();
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  if (object.is_sequence()) return object.sequence().items[static_cast<std::size_t>(index)];
  if (object.is(Kind::range)) {
    const Range& range = *object.as<std::shared_ptr<const Range>>();
    return Value(range.start + index * range.step);
  }
  std::size_t at = unicode::offset(object.text(), static_cast<std::size_t>(index));
  const std::size_t begin = at;
  next_character(object.text(), at);
  return Value(object.text().substr(begin, at - begin), object.markup());
}

std::size_t shallow_size(const Value& value) {
  switch (value.kind()) {
    case Kind::text: return value.text().size() / 64;
    case Kind::list:
    case Kind::tuple: return value.sequence().items.size();
    case Kind::dict: return value.dict().entries.size();
    case Kind::iterator: return value.as<std::shared_ptr<Iterator>>()->items.size();
    default: return 0;
  }
}

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get())
    for (const auto& [key, value] : scope->variables)
      if (key == name) return &value;
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [key, old] : variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(name, std::move(value));
}

Interpreter::Interpreter(std::shared_ptr<const Dict> variables, std::chrono::system_clock::time_point now)
    : variables_(std::move(variables)), now_(now) {}

Interpreter::~Interpreter() {
  for (const auto& space : spaces_) space->attributes.clear();
  for (const auto& scope : captured_scopes_) scope->variables.clear();
}

std::string Interpreter::render(const Body& body) {
  std::string text;
  const Capture capture(*this, text);
  run(body);
  return text;
}

void Interpreter::charge(std::size_t steps) {
  steps_ += steps;
  if (steps_ > kMaxSteps)
    fail("the template runs too long (more than " + std::to_string(kMaxSteps) + " steps)");
  // One evaluation, or so many times 64 bytes looked at.
  if (text::WorkLimit::is_over(64 + steps)) fail("the template runs too long (more than four seconds)");
}

const Value& Interpreter::charge_value(const Value& value) {
  constexpr std::size_t kBytesPerElement = 96;
  charge_bytes(64 + shallow_size(value) * (value.is_text() ? 64 : kBytesPerElement));
  return value;
}

void Interpreter::charge_bytes(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ > kMaxBytes)
    fail("the template makes too many values (more than " + std::to_string(kMaxBytes >> 20) + " MiB)");
}

std::shared_ptr<Space> Interpreter::make_space() {
  spaces_.push_back(std::make_shared<Space>());
  charge_bytes(512);
  return spaces_.back();
}

Value Interpreter::attribute(const Value& object, std::string_view name) {
  if (object.is_undefined()) fail(*object.as<Undefined>().message);
  if (object.is(Kind::space)) {
    const Value* found = object.as<std::shared_ptr<Space>>()->find(name);
    return found != nullptr ? *found : no_attribute(object, name);
  }
  if (object.is_text()) charge(object.weight());
  if (std::optional<Value> found = member(object, name)) return *found;
  if (object.is(Kind::dict))
    if (const Value* found = object.dict().find(name)) return *found;
  return no_attribute(object, name);
}

Value Interpreter::item(const Value& object, const Value& key) {
  if (object.is_undefined()) fail(*object.as<Undefined>().message);
  if (object.is_text()) charge(object.weight());
  if (std::optional<Value> found = subscript(object, key)) return *found;
  if (!key.is_text()) return make_undefined(describe(object) + " has no element " + repr(key));
  if (object.is(Kind::space)) return attribute(object, key.text());
  if (std::optional<Value> found = member(object, key.text())) return *found;
  return no_attribute(object, key.text());
}

Value Interpreter::call(const Value& callee, Arguments& arguments) {
  if (callee.is_undefined()) fail(*callee.as<Undefined>().message);
  if (callee.is(Kind::loop)) unsupported("a recursive for loop");
  if (!callee.is(Kind::callable)) fail("'" + callee.type_name() + "' object is not callable");
  const Depth depth(*this);
  for (const Value& argument : arguments.positional) charge(shallow_size(argument));
  // A copy: the call may assign to the variable that holds it.
  const std::shared_ptr<const Callable> callable =  // NOLINT(performance-unnecessary-copy-initialization)
      callee.as<std::shared_ptr<const Callable>>();
  return charge_value(callable->function(*this, arguments));
}

Value Interpreter::filter(std::string_view name, const Value& input, Arguments& arguments) {
  const auto entry = filters().find(name);
  if (entry == filters().end()) unsupported("the filter '" + std::string(name) + "'");
  const Depth depth(*this);
  charge(entry->second.deep ? input.weight() : shallow_size(input));
  return charge_value(entry->second.function(*this, input, arguments));
}

bool Interpreter::test(std::string_view name, const Value& input, Arguments& arguments) {
  const auto entry = tests().find(name);
  if (entry == tests().end()) unsupported("the test '" + std::string(name) + "'");
  for (const Value& argument : arguments.positional) charge(argument.weight());
  return entry->second(input, arguments);
}

}  // namespace mhub::jinja
