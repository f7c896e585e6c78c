// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/interpreter_guards.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

namespace mhub::jinja {

Interpreter::Flow Interpreter::run(const Body& body) {
  for (const Statement& statement : body)
    if (const Flow flow = run(statement); flow != Flow::next) return flow;
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Statement& statement) {
  const Depth depth(*this);
  charge(1);
  line_ = statement.line;
  return std::visit([this](const auto& node) { return run(node); }, statement.node);
}

Interpreter::Flow Interpreter::run(const Literal& literal) {
  *output_ += literal.text;
  check_text_size(output_->size());
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Print& node) {
  for (const ExpressionPtr& value : node.values) print(evaluate(*value));
  return Flow::next;
}

void Interpreter::print(const Value& value) {
  charge(value.weight());
  if (value.is_text()) {
    *output_ += value.text();
  } else {
    *output_ += str(value);
  }
  check_text_size(output_->size());
}

Interpreter::Flow Interpreter::run(const If& branches) {
  for (const auto& [test, body] : branches.branches)
    if (evaluate(*test).truthy()) return run(body);
  return run(branches.otherwise);
}

std::shared_ptr<const Sequence> Interpreter::loop_items(const For& node) {
  const Elements items = iterate(evaluate(*node.iterable));
  charge(items.size());
  if (!node.condition) return items.sequence();
  std::vector<Value> chosen;
  for (const Value& value : items) {
    const InnerScope inner(*this);
    assign(node.target, value);
    if (evaluate(*node.condition).truthy()) chosen.push_back(value);
  }
  return std::make_shared<const Sequence>(std::move(chosen));
}

Interpreter::Flow Interpreter::run(const For& node) {
  auto loop = std::make_shared<Loop>();
  loop->items = loop_items(node);
  for (; loop->index0 < loop->items->items.size(); ++loop->index0) {
    const InnerScope inner(*this);
    scope_->set("loop", Value(loop));
    assign(node.target, loop->items->items[loop->index0]);
    if (run(node.body) == Flow::break_loop) return Flow::next;
  }
  if (loop->items->items.empty()) {
    const InnerScope inner(*this);
    return run(node.otherwise);
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Assign& node) {
  assign(node.target, evaluate(*node.value));
  return Flow::next;
}

void Interpreter::assign(const Target& target, const Value& value) {
  if (target.unpack) {
    if (!is_iterable(value)) fail("cannot unpack non-iterable " + value.type_name() + " object");
    const Elements items = iterate(value);
    const std::size_t expected = target.elements.size();
    if (items.size() > expected)
      fail("too many values to unpack (expected " + std::to_string(expected) + ")");
    if (items.size() < expected) {
      fail("not enough values to unpack (expected " + std::to_string(expected) + ", got " +
           std::to_string(items.size()) + ")");
    }
    for (std::size_t i = 0; i < expected; ++i) assign(target.elements[i], items[i]);
    return;
  }
  if (target.attribute.empty()) {
    scope_->set(target.name, value);
    return;
  }
  const Value* object = scope_->find(target.name);
  if (object == nullptr || !object->is(Kind::space)) fail("cannot assign attribute on non-namespace object");
  object->as<std::shared_ptr<Space>>()->set(target.attribute, value);
}

std::string Interpreter::capture(const Body& body) {
  std::string text;
  const InnerScope inner(*this);
  const Capture capture(*this, text);
  run(body);
  return text;
}

Interpreter::Flow Interpreter::run(const AssignBlock& node) {
  Value value = charge_value(Value(capture(node.body)));
  if (node.filter) {
    const Value* outer = std::exchange(filter_input_, &value);
    const Value filtered = evaluate(*node.filter);
    filter_input_ = outer;
    value = filtered;
  }
  assign(node.target, value);
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const FilterBlock& node) {
  const Value value = charge_value(Value(capture(node.body)));
  const Value* outer = std::exchange(filter_input_, &value);
  const Value filtered = evaluate(*node.filter);
  filter_input_ = outer;
  print(filtered);
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const With& node) {
  // jinja2 evaluates all values outside, then assigns them inside
  std::vector<Value> values;
  for (const auto& [target, value] : node.values) values.push_back(evaluate(*value));
  const InnerScope inner(*this);
  for (std::size_t i = 0; i < values.size(); ++i) assign(node.values[i].first, values[i]);
  return run(node.body);
}

Interpreter::Flow Interpreter::run(const Generation& node) {
  const InnerScope inner(*this);
  run(node.body);
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Macro& node) {
  scope_->set(node.definition->name, make_macro(node.definition));
  return Flow::next;
}

Value Interpreter::make_macro(const std::shared_ptr<const MacroDefinition>& definition) {
  if (captured_scopes_.empty() || captured_scopes_.back() != scope_) captured_scopes_.push_back(scope_);
  charge_bytes(1024);
  return make_callable(
      definition->name,
      [definition, outer = scope_](Interpreter& interpreter, Arguments& arguments) {
        return interpreter.invoke(*definition, outer, arguments);
      },
      Callable::Attributes::macro);
}

Interpreter::Flow Interpreter::run(const CallBlock& node) {
  const Call& call_node = std::get<Call>(node.call->node);
  const Value callee = evaluate(*call_node.callee);
  Arguments arguments = evaluate(call_node.arguments);
  arguments.named.emplace_back("caller", make_macro(node.caller));
  print(call(callee, arguments));
  return Flow::next;
}

/// jinja2.runtime.Macro.__call__
Value Interpreter::invoke(const MacroDefinition& definition, const std::shared_ptr<Scope>& outer,
                          Arguments& arguments) {
  const std::size_t called_from = line_;
  const InnerScope inner(*this, outer);
  const std::size_t parameters = definition.parameters.size();
  const std::size_t first_default = parameters - definition.defaults.size();
  std::vector<std::pair<std::string, Value>> named = std::move(arguments.named);
  auto take = [&named](std::string_view name) -> std::optional<Value> {
    const auto place =
        std::find_if(named.begin(), named.end(), [&](const auto& entry) { return entry.first == name; });
    if (place == named.end()) return std::nullopt;
    std::optional<Value> value = std::move(place->second);
    named.erase(place);
    return value;
  };

  for (std::size_t i = 0; i < parameters; ++i) {
    const std::string& name = definition.parameters[i];
    if (i < arguments.positional.size()) {
      scope_->set(name, arguments.positional[i]);
    } else if (std::optional<Value> value = take(name)) {
      scope_->set(name, std::move(*value));
    } else if (i >= first_default) {
      scope_->set(name, evaluate(*definition.defaults[i - first_default]));
    } else {
      scope_->set(name, make_undefined("parameter " + repr(std::string_view(name)) + " was not provided"));
    }
  }
  if (definition.uses_caller) {
    std::optional<Value> caller = take("caller");
    scope_->set("caller", caller ? *caller : make_undefined("No caller defined"));
  }
  if (definition.uses_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (auto& [name, value] : named) rest->set(Value(name), std::move(value));
    scope_->set("kwargs", Value(std::shared_ptr<const Dict>(std::move(rest))));
  } else if (!named.empty()) {
    fail("macro '" + definition.name + "' takes no keyword argument '" + named.front().first + "'");
  }
  const std::size_t taken = std::min(parameters, arguments.positional.size());
  if (definition.uses_varargs) {
    const auto begin = arguments.positional.begin() + static_cast<std::ptrdiff_t>(taken);
    scope_->set("varargs", make_tuple(std::vector<Value>(begin, arguments.positional.end())));
  } else if (arguments.positional.size() > parameters) {
    fail("macro '" + definition.name + "' takes not more than " + std::to_string(parameters) +
         " argument(s)");
  }

  std::string text;
  const Capture capture(*this, text);
  run(definition.body);
  line_ = called_from;
  return Value(std::move(text));
}

}  // namespace mhub::jinja
