// SPDX-License-Identifier: Apache-2.0
// What stands behind an expression: subscripts, calls, filters and tests.
#include "mhub/text/chat_template/detail/parser_nesting.hpp"

namespace mhub::jinja {

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
