// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mhub/text/chat_template/detail/operators.hpp"
#include "mhub/text/chat_template/detail/value.hpp"

/// The syntax tree of a template, as the parser makes it and the interpreter walks it.
namespace mhub::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<Statement>;

/// What stands between the brackets of a call.
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star;         ///< *args or null
  ExpressionPtr double_star;  ///< **kwargs or null
};

struct Constant {
  Value value;
};
struct Name {
  std::string name;
};
struct SequenceDisplay {
  std::vector<ExpressionPtr> items;
  bool tuple;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> items;
};
struct Unary {
  enum class Operator { minus, plus, negation } op;
  ExpressionPtr operand;
};
struct Binary {
  BinaryOperator op;
  ExpressionPtr left, right;
};
struct Logic {
  bool conjunction;  ///< and, else or
  ExpressionPtr left, right;
};
/// first op operand op operand ..., each pair compared
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<CompareOperator, ExpressionPtr>> rest;
};
/// then if test else otherwise; `otherwise` may be null
struct Conditional {
  ExpressionPtr test, then, otherwise;
};
/// a ~ b ~ ...
struct Concatenation {
  std::vector<ExpressionPtr> parts;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Subscript {
  ExpressionPtr object, index;
};
/// object[lower:upper:step], each of them null when left out
struct SliceSubscript {
  ExpressionPtr object, lower, upper, step;
};
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};
/// input | name(arguments); the innermost input of a filter block is null: what the block printed
struct Filter {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
};
/// input is name(arguments)
struct Test {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
};

struct Expression {
  std::size_t line;
  int depth = 1;  ///< levels of expressions below and including this one; kept by make_expression
  std::variant<Constant, Name, SequenceDisplay, DictDisplay, Unary, Binary, Logic, Comparison, Conditional,
               Concatenation, Attribute, Subscript, SliceSubscript, Call, Filter, Test>
      node;
};

/// Fails when the tree gets deeper than kMaxSyntaxDepth: chains such as a + b + c make it as deep as they are
/// long.
ExpressionPtr make_expression(std::size_t line, decltype(Expression::node) node);

/// What `set` and `for` assign to: a name, an attribute of a namespace, or several targets that a value is
/// unpacked into.
struct Target {
  std::string name;
  std::string attribute;         ///< empty: the name itself
  std::vector<Target> elements;  ///< used when `unpack`
  bool unpack = false;
};

struct Literal {
  std::string text;
};
struct Print {
  std::vector<ExpressionPtr> values;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  Body otherwise;
};
struct For {
  Target target;
  ExpressionPtr iterable, condition;  ///< condition may be null
  Body body, otherwise;
};
struct Assign {
  Target target;
  ExpressionPtr value;
};
/// {% set x | filter %}...{% endset %}; `filter` may be null
struct AssignBlock {
  Target target;
  ExpressionPtr filter;
  Body body;
};
/// Parameters and body of a macro, and of a call block.
struct MacroDefinition {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults;                                  ///< of the last parameters
  bool uses_caller = false, uses_varargs = false, uses_kwargs = false;  ///< mentioned in the body
  Body body;
};
struct Macro {
  std::shared_ptr<const MacroDefinition> definition;
};
struct CallBlock {
  ExpressionPtr call;
  std::shared_ptr<const MacroDefinition> caller;
};
struct FilterBlock {
  ExpressionPtr filter;
  Body body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Body body;
};
/// {% generation %}: what the assistant says; prints its body.
struct Generation {
  Body body;
};
struct Break {};
struct Continue {};

struct Statement {
  std::size_t line;
  std::variant<Literal, Print, If, For, Assign, AssignBlock, Macro, CallBlock, FilterBlock, With, Generation,
               Break, Continue>
      node;
};

}  // namespace mhub::jinja
