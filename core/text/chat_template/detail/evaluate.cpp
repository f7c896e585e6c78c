// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/builtins.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/interpreter.hpp"
#include "mhub/text/chat_template/detail/interpreter_guards.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"

namespace mhub::jinja {

Value Interpreter::evaluate(const Expression& expression) {
  const Depth depth(*this);
  charge(1);
  line_ = expression.line;
  return std::visit([this](const auto& node) { return evaluate(node); }, expression.node);
}

Value Interpreter::evaluate(const Constant& constant) { return constant.value; }

Value Interpreter::evaluate(const Name& name) {
  if (const Value* variable = scope_->find(name.name)) return *variable;
  if (const Value* variable = variables_->find(name.name)) return *variable;
  if (std::optional<Value> function = global_function(name.name)) return *function;
  return make_undefined("'" + name.name + "' is undefined");
}

Value Interpreter::evaluate(const SequenceDisplay& display) {
  std::vector<Value> items;
  for (const ExpressionPtr& item : display.items) items.push_back(evaluate(*item));
  return charge_value(display.tuple ? make_tuple(std::move(items)) : make_list(std::move(items)));
}

Value Interpreter::evaluate(const DictDisplay& display) {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : display.items) {
    const Value evaluated_key = evaluate(*key);
    dict->set(evaluated_key, evaluate(*value));
  }
  return charge_value(Value(std::shared_ptr<const Dict>(std::move(dict))));
}

Value Interpreter::evaluate(const Unary& unary) {
  const Value operand = evaluate(*unary.operand);
  switch (unary.op) {
    case Unary::Operator::minus: return negative(operand);
    case Unary::Operator::plus: return positive(operand);
    case Unary::Operator::negation: return Value(!operand.truthy());
  }
  return Value();
}

Value Interpreter::evaluate(const Binary& binary) {
  const Value left = evaluate(*binary.left);
  const Value right = evaluate(*binary.right);
  // % formats text, which can print whole trees
  if (binary.op == BinaryOperator::modulo) charge(left.weight() + right.weight());
  return charge_value(apply(binary.op, left, right));
}

Value Interpreter::evaluate(const Logic& logic) {
  Value left = evaluate(*logic.left);
  if (left.truthy() != logic.conjunction) return left;
  return evaluate(*logic.right);
}

Value Interpreter::evaluate(const Comparison& comparison) {
  Value left = evaluate(*comparison.first);
  for (const auto& [op, operand] : comparison.rest) {
    Value right = evaluate(*operand);
    const bool membership = op == CompareOperator::in || op == CompareOperator::not_in;
    if (membership) {
      if (!right.is(Kind::dict)) charge(right.weight());
    } else {
      charge(std::min(left.weight(), right.weight()));
    }
    if (!apply(op, left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::evaluate(const Conditional& conditional) {
  if (evaluate(*conditional.test).truthy()) return evaluate(*conditional.then);
  if (conditional.otherwise) return evaluate(*conditional.otherwise);
  return make_undefined("the inline if-expression evaluated to false and no else section was defined.");
}

Value Interpreter::evaluate(const Concatenation& concatenation) {
  std::string text;
  for (const ExpressionPtr& part : concatenation.parts) {
    const Value value = evaluate(*part);
    charge(value.weight());
    text += str(value);
    check_text_size(text.size());
  }
  return charge_value(Value(std::move(text)));
}

Value Interpreter::evaluate(const Attribute& node) { return attribute(evaluate(*node.object), node.name); }

Value Interpreter::evaluate(const Subscript& subscript) {
  const Value object = evaluate(*subscript.object);
  return item(object, evaluate(*subscript.index));
}

Value Interpreter::evaluate(const SliceSubscript& subscript) {
  auto bound = [this](const ExpressionPtr& expression) {
    return expression ? evaluate(*expression) : Value();
  };
  const Value object = evaluate(*subscript.object);
  const Value lower = bound(subscript.lower);
  const Value upper = bound(subscript.upper);
  const Value step = bound(subscript.step);
  if (object.is_text()) charge(object.weight());
  return charge_value(slice(object, lower, upper, step));
}

Arguments Interpreter::evaluate(const CallArguments& syntax) {
  Arguments arguments;
  for (const ExpressionPtr& value : syntax.positional) arguments.positional.push_back(evaluate(*value));
  for (const auto& [name, value] : syntax.named) arguments.named.emplace_back(name, evaluate(*value));
  if (syntax.star) {
    const Value star = evaluate(*syntax.star);
    if (!is_iterable(star)) fail("argument after * must be an iterable, not " + star.type_name());
    const Elements items = iterate(star);
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  if (syntax.double_star) {
    const Value mapping = evaluate(*syntax.double_star);
    if (!mapping.is(Kind::dict)) fail("argument after ** must be a mapping, not " + mapping.type_name());
    for (const auto& [key, value] : mapping.dict().entries) {
      if (!key.is_text()) fail("keywords must be strings");
      arguments.named.emplace_back(key.text(), value);
    }
  }
  return arguments;
}

Value Interpreter::evaluate(const Call& node) {
  const Value callee = evaluate(*node.callee);
  Arguments arguments = evaluate(node.arguments);
  return call(callee, arguments);
}

Value Interpreter::evaluate(const Filter& node) {
  const Value input = node.input ? evaluate(*node.input) : *filter_input_;
  Arguments arguments = evaluate(node.arguments);
  return filter(node.name, input, arguments);
}

Value Interpreter::evaluate(const Test& node) {
  const Value input = evaluate(*node.input);
  Arguments arguments = evaluate(node.arguments);
  return Value(test(node.name, input, arguments));
}

}  // namespace mhub::jinja
