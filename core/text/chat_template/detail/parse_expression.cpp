// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "mhub/text/chat_template/detail/parser_nesting.hpp"

namespace mhub::jinja {

bool Parser::at_name(std::string_view name) const {
  return current().type == Token::Type::name && current().value == name;
}
bool Parser::at_symbol(std::string_view symbol) const {
  return current().type == Token::Type::symbol && current().value == symbol;
}

bool Parser::skip_name(std::string_view name) {
  if (!at_name(name)) return false;
  ++at_;
  return true;
}

bool Parser::skip_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  ++at_;
  return true;
}

void Parser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) unexpected("'" + std::string(symbol) + "'");
}

void Parser::expect(Token::Type type) {
  if (current().type != type) {
    unexpected(type == Token::Type::block_end ? "'%}'" : type == Token::Type::print_end ? "'}}'" : "a name");
  }
  ++at_;
}

std::string Parser::expect_name() {
  if (current().type != Token::Type::name) unexpected("a name");
  return next().value;
}

Token Parser::next() {
  const Token& token = current();
  if (token.type != Token::Type::end) ++at_;
  return token;
}

void Parser::unexpected(const std::string& expected) const {
  if (current().type == Token::Type::end) fail("unexpected end of template, expected " + expected);
  fail("expected " + expected + ", found '" + current().value.substr(0, 40) + "'");
}

bool Parser::tuple_ends(std::string_view end) const {
  const Token::Type type = current().type;
  return type == Token::Type::print_end || type == Token::Type::block_end || at_symbol(")") ||
         (!end.empty() && at_name(end));
}

ExpressionPtr Parser::parse_tuple(TupleRules rules) {
  const std::size_t line = current().line;
  std::vector<ExpressionPtr> items;
  bool tuple = false;
  while (true) {
    if (!items.empty()) expect_symbol(",");
    if (tuple_ends(rules.end)) break;
    items.push_back(parse_expression(rules.conditional));
    if (!at_symbol(",")) break;
    tuple = true;
  }
  if (!tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!rules.parentheses) unexpected("an expression");
  }
  return make_expression(line, SequenceDisplay{std::move(items), true});
}

ExpressionPtr Parser::parse_expression(bool conditional) {
  const Nesting nesting(*this);
  return conditional ? parse_conditional() : parse_or();
}

ExpressionPtr Parser::parse_conditional() {
  const Nesting nesting(*this);
  std::size_t line = current().line;
  ExpressionPtr then = parse_or();
  while (skip_name("if")) {
    ExpressionPtr test = parse_or();
    ExpressionPtr otherwise = skip_name("else") ? parse_conditional() : nullptr;
    then = make_expression(line, Conditional{std::move(test), std::move(then), std::move(otherwise)});
    line = current().line;
  }
  return then;
}

ExpressionPtr Parser::parse_or() {
  ExpressionPtr left = parse_and();
  while (at_name("or")) {
    const std::size_t line = next().line;
    ExpressionPtr right = parse_and();
    left = make_expression(line, Logic{false, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr Parser::parse_and() {
  ExpressionPtr left = parse_not();
  while (at_name("and")) {
    const std::size_t line = next().line;
    ExpressionPtr right = parse_not();
    left = make_expression(line, Logic{true, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr Parser::parse_not() {
  if (!at_name("not")) return parse_compare();
  const Nesting nesting(*this);
  const std::size_t line = next().line;
  return make_expression(line, Unary{Unary::Operator::negation, parse_not()});
}

ExpressionPtr Parser::parse_compare() {
  static constexpr std::pair<std::string_view, CompareOperator> kSymbols[] = {
      {"==", CompareOperator::equal},  {"!=", CompareOperator::not_equal},
      {"<", CompareOperator::less},    {"<=", CompareOperator::less_equal},
      {">", CompareOperator::greater}, {">=", CompareOperator::greater_equal}};
  const std::size_t line = current().line;
  ExpressionPtr first = parse_sum();
  std::vector<std::pair<CompareOperator, ExpressionPtr>> rest;
  while (true) {
    std::optional<CompareOperator> op;
    for (const auto& [symbol, meaning] : kSymbols)
      if (at_symbol(symbol)) op = meaning;
    if (op) {
      next();
    } else if (skip_name("in")) {
      op = CompareOperator::in;
    } else if (at_name("not") && look().type == Token::Type::name && look().value == "in") {
      at_ += 2;
      op = CompareOperator::not_in;
    } else {
      break;
    }
    rest.emplace_back(*op, parse_sum());
  }
  if (rest.empty()) return first;
  return make_expression(line, Comparison{std::move(first), std::move(rest)});
}

ExpressionPtr Parser::parse_sum() {
  ExpressionPtr left = parse_concatenation();
  while (at_symbol("+") || at_symbol("-")) {
    const Token token = next();
    ExpressionPtr right = parse_concatenation();
    const BinaryOperator op = token.value == "+" ? BinaryOperator::add : BinaryOperator::subtract;
    left = make_expression(token.line, Binary{op, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr Parser::parse_concatenation() {
  const std::size_t line = current().line;
  std::vector<ExpressionPtr> parts;
  parts.push_back(parse_product());
  while (skip_symbol("~")) parts.push_back(parse_product());
  if (parts.size() == 1) return std::move(parts.front());
  return make_expression(line, Concatenation{std::move(parts)});
}

ExpressionPtr Parser::parse_product() {
  static constexpr std::pair<std::string_view, BinaryOperator> kSymbols[] = {
      {"*", BinaryOperator::multiply},
      {"/", BinaryOperator::divide},
      {"//", BinaryOperator::floor_divide},
      {"%", BinaryOperator::modulo}};
  ExpressionPtr left = parse_power();
  while (true) {
    std::optional<BinaryOperator> op;
    for (const auto& [symbol, meaning] : kSymbols)
      if (at_symbol(symbol)) op = meaning;
    if (!op) return left;
    const std::size_t line = next().line;
    ExpressionPtr right = parse_power();
    left = make_expression(line, Binary{*op, std::move(left), std::move(right)});
  }
}

/// From left to right, unlike Python: jinja2 reads 2**3**2 as (2**3)**2.
ExpressionPtr Parser::parse_power() {
  ExpressionPtr left = parse_unary();
  while (at_symbol("**")) {
    const std::size_t line = next().line;
    ExpressionPtr right = parse_unary();
    left = make_expression(line, Binary{BinaryOperator::power, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr Parser::parse_unary(bool with_filter) {
  const Nesting nesting(*this);
  const std::size_t line = current().line;
  ExpressionPtr expression;
  if (skip_symbol("-")) {
    expression = make_expression(line, Unary{Unary::Operator::minus, parse_unary(false)});
  } else if (skip_symbol("+")) {
    expression = make_expression(line, Unary{Unary::Operator::plus, parse_unary(false)});
  } else {
    expression = parse_primary();
  }
  expression = parse_postfix(std::move(expression));
  return with_filter ? parse_filters_and_tests(std::move(expression)) : std::move(expression);
}

ExpressionPtr Parser::parse_primary() {
  const std::size_t line = current().line;
  auto constant = [&](Value value) { return make_expression(line, Constant{std::move(value)}); };
  switch (current().type) {
    case Token::Type::name: {
      const std::string name = next().value;
      if (name == "true" || name == "True") return constant(Value(true));
      if (name == "false" || name == "False") return constant(Value(false));
      if (name == "none" || name == "None") return constant(Value());
      return make_expression(line, Name{name});
    }
    case Token::Type::string: {
      std::string text;  // neighbours join, as in Python
      while (current().type == Token::Type::string) text += next().value;
      return constant(Value(std::move(text)));
    }
    case Token::Type::integer: return constant(Value(next().integer));
    case Token::Type::real: return constant(Value(next().real));
    default: break;
  }
  if (skip_symbol("(")) {
    ExpressionPtr inner = parse_tuple({.parentheses = true});
    expect_symbol(")");
    return inner;
  }
  if (at_symbol("[")) return parse_list();
  if (at_symbol("{")) return parse_dict();
  unexpected("an expression");
}

ExpressionPtr Parser::parse_list() {
  const std::size_t line = next().line;
  std::vector<ExpressionPtr> items;
  while (!at_symbol("]")) {
    if (!items.empty()) expect_symbol(",");
    if (at_symbol("]")) break;
    items.push_back(parse_expression());
  }
  expect_symbol("]");
  return make_expression(line, SequenceDisplay{std::move(items), false});
}

ExpressionPtr Parser::parse_dict() {
  const std::size_t line = next().line;
  DictDisplay dict;
  while (!at_symbol("}")) {
    if (!dict.items.empty()) expect_symbol(",");
    if (at_symbol("}")) break;
    ExpressionPtr key = parse_expression();
    expect_symbol(":");
    dict.items.emplace_back(std::move(key), parse_expression());
  }
  expect_symbol("}");
  return make_expression(line, std::move(dict));
}

ExpressionPtr Parser::parse_postfix(ExpressionPtr expression) {
  while (true) {
    if (at_symbol(".") || at_symbol("[")) {
      expression = parse_subscript(std::move(expression));
    } else if (at_symbol("(")) {
      const std::size_t line = current().line;
      CallArguments arguments = parse_call_arguments();
      expression = make_expression(line, Call{std::move(expression), std::move(arguments)});
    } else {
      return expression;
    }
  }
}

ExpressionPtr Parser::parse_subscript(ExpressionPtr object) {
  const Token token = next();
  if (token.value == ".") {
    if (current().type == Token::Type::name)
      return make_expression(token.line, Attribute{std::move(object), next().value});
    if (current().type != Token::Type::integer) unexpected("a name or a number");
    ExpressionPtr index = make_expression(token.line, Constant{Value(next().integer)});
    return make_expression(token.line, Subscript{std::move(object), std::move(index)});
  }
  ExpressionPtr first = at_symbol(":") ? nullptr : parse_expression();
  if (at_symbol(":")) {
    next();
    return parse_slice(std::move(object), std::move(first), token.line);
  }
  if (at_symbol(",")) {
    std::vector<ExpressionPtr> items;
    items.push_back(std::move(first));
    while (skip_symbol(",")) items.push_back(parse_expression());
    first = make_expression(token.line, SequenceDisplay{std::move(items), true});
  }
  expect_symbol("]");
  return make_expression(token.line, Subscript{std::move(object), std::move(first)});
}

/// Behind the first colon.
ExpressionPtr Parser::parse_slice(ExpressionPtr object, ExpressionPtr lower, std::size_t line) {
  SliceSubscript slice{std::move(object), std::move(lower), nullptr, nullptr};
  if (!at_symbol(":") && !at_symbol("]")) slice.upper = parse_expression();
  if (skip_symbol(":") && !at_symbol("]")) slice.step = parse_expression();
  expect_symbol("]");
  return make_expression(line, std::move(slice));
}

ExpressionPtr Parser::parse_filters_and_tests(ExpressionPtr expression) {
  while (true) {
    if (at_symbol("|")) {
      expression = parse_filter(std::move(expression), false);
    } else if (at_name("is")) {
      expression = parse_test(std::move(expression));
    } else if (at_symbol("(")) {
      const std::size_t line = current().line;
      CallArguments arguments = parse_call_arguments();
      expression = make_expression(line, Call{std::move(expression), std::move(arguments)});
    } else {
      return expression;
    }
  }
}

/// A chain of filters; `at_name`: the first one has no '|' in front (a filter block).
ExpressionPtr Parser::parse_filter(ExpressionPtr input, bool at_name) {
  while (at_name || at_symbol("|")) {
    if (!at_name) next();
    at_name = false;
    const std::size_t line = current().line;
    std::string name = expect_name();
    while (skip_symbol(".")) name += "." + expect_name();
    CallArguments arguments;
    if (at_symbol("(")) arguments = parse_call_arguments();
    input = make_expression(line, Filter{std::move(input), std::move(name), std::move(arguments)});
  }
  return input;
}

ExpressionPtr Parser::parse_test(ExpressionPtr input) {
  const std::size_t line = next().line;
  const bool negated = skip_name("not");
  std::string name = expect_name();
  while (skip_symbol(".")) name += "." + expect_name();
  CallArguments arguments;
  const Token::Type type = current().type;
  if (at_symbol("(")) {
    arguments = parse_call_arguments();
  } else if ((type == Token::Type::name || type == Token::Type::string || type == Token::Type::integer ||
              type == Token::Type::real || at_symbol("[") || at_symbol("{")) &&
             !at_name("else") && !at_name("or") && !at_name("and")) {
    if (at_name("is")) fail("You cannot chain multiple tests with is");
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  ExpressionPtr test = make_expression(line, Test{std::move(input), std::move(name), std::move(arguments)});
  if (!negated) return test;
  return make_expression(line, Unary{Unary::Operator::negation, std::move(test)});
}

CallArguments Parser::parse_call_arguments() {
  expect_symbol("(");
  CallArguments arguments;
  bool more = false;
  while (!at_symbol(")")) {
    if (more) {
      expect_symbol(",");
      if (at_symbol(")")) break;
    }
    more = true;
    const bool plain = !arguments.star && !arguments.double_star;
    if (at_symbol("*") && plain) {
      next();
      arguments.star = parse_expression();
    } else if (at_symbol("**") && !arguments.double_star) {
      next();
      arguments.double_star = parse_expression();
    } else if (current().type == Token::Type::name && look().type == Token::Type::symbol &&
               look().value == "=" && !arguments.double_star) {
      std::string name = next().value;
      next();
      arguments.named.emplace_back(std::move(name), parse_expression());
    } else if (plain && arguments.named.empty()) {
      arguments.positional.push_back(parse_expression());
    } else {
      fail("invalid syntax for function call expression");
    }
  }
  expect_symbol(")");
  return arguments;
}

}  // namespace mhub::jinja
