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

}  // namespace mhub::jinja
