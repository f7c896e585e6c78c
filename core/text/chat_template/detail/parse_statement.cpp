// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mhub/text/chat_template/detail/parser_nesting.hpp"

namespace mhub::jinja {
namespace {

bool any_of(std::initializer_list<std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Body Parser::parse() { return parse_body({}); }

/// Up to one of the end tags, whose name is then the current token; without end tags, to the end of the
/// template.
Body Parser::parse_body(EndTags end_tags) {
  Body body;
  while (current().type != Token::Type::end) {
    const Token& token = current();
    if (token.type == Token::Type::text) {
      body.push_back({token.line, Literal{token.value}});
      next();
    } else if (token.type == Token::Type::print_begin) {
      next();
      Print print;
      print.values.push_back(parse_tuple({}));
      expect(Token::Type::print_end);
      body.push_back({token.line, std::move(print)});
    } else {
      expect(Token::Type::block_begin);
      if (current().type == Token::Type::name && any_of(end_tags, current().value)) return body;
      body.push_back(parse_statement());
      expect(Token::Type::block_end);
    }
  }
  if (end_tags.size() > 0)
    fail("unexpected end of template, expected {% " + std::string(*end_tags.begin()) + " %}");
  return body;
}

/// The rest of an opening tag, the body and, when wanted, the end tag's name.
Body Parser::parse_until(EndTags end_tags, bool drop_end_tag) {
  skip_symbol(":");
  expect(Token::Type::block_end);
  Body body = parse_body(end_tags);
  if (drop_end_tag) next();
  return body;
}

Statement Parser::parse_statement() {
  const Nesting nesting(*this);
  const std::size_t line = current().line;
  const std::string tag = expect_name();
  if (tag == "if") return parse_if(line);
  if (tag == "for") return parse_for(line);
  if (tag == "set") return parse_set(line);
  if (tag == "macro") return parse_macro(line);
  if (tag == "call") return parse_call_block(line);
  if (tag == "filter") return parse_filter_block(line);
  if (tag == "with") return parse_with(line);
  if (tag == "print") return parse_print(line);
  if (tag == "generation") return {line, Generation{parse_until({"endgeneration"}, true)}};
  if (tag == "break" || tag == "continue") {
    if (loops_ == 0) fail("'" + tag + "' outside loop");
    if (tag == "break") return {line, Break{}};
    return {line, Continue{}};
  }
  if (any_of({"block", "extends", "include", "import", "from", "autoescape"}, tag))
    unsupported("the statement {% " + tag + " %}");
  fail("unknown tag '" + tag + "'");
}

Statement Parser::parse_print(std::size_t line) {
  Print print;
  while (current().type != Token::Type::block_end) {
    if (!print.values.empty()) expect_symbol(",");
    print.values.push_back(parse_expression());
  }
  return {line, std::move(print)};
}

Statement Parser::parse_if(std::size_t line) {
  If result;
  while (true) {
    ExpressionPtr test = parse_tuple({.conditional = false});
    result.branches.emplace_back(std::move(test), parse_until({"endif", "elif", "else"}, false));
    if (skip_name("elif")) continue;
    if (skip_name("else")) {
      result.otherwise = parse_until({"endif"}, true);
    } else {
      next();
    }
    return {line, std::move(result)};
  }
}

Statement Parser::parse_for(std::size_t line) {
  For loop;
  loop.target = parse_target(false, "in");
  if (!skip_name("in")) unexpected("'in'");
  loop.iterable = parse_tuple({.conditional = false, .end = "recursive"});
  if (skip_name("if")) loop.condition = parse_expression();
  if (at_name("recursive")) unsupported("a recursive for loop");
  ++loops_;
  loop.body = parse_until({"endfor", "else"}, false);
  --loops_;
  if (next().value == "else") loop.otherwise = parse_until({"endfor"}, true);
  return {line, std::move(loop)};
}

Statement Parser::parse_set(std::size_t line) {
  Target target = parse_target(true);
  if (skip_symbol("=")) return {line, Assign{std::move(target), parse_tuple({})}};
  ExpressionPtr filter = parse_filter(nullptr, false);
  Body body = parse_until({"endset"}, true);
  return {line, AssignBlock{std::move(target), std::move(filter), std::move(body)}};
}

Statement Parser::parse_macro(std::size_t line) {
  MacroDefinition definition;
  definition.name = expect_name();
  const std::size_t first_token = at_;
  parse_signature(definition);
  return {line, Macro{finish_macro(std::move(definition), first_token, "endmacro")}};
}

Statement Parser::parse_call_block(std::size_t line) {
  MacroDefinition definition;
  definition.name = "caller";
  const std::size_t first_token = at_;
  if (at_symbol("(")) parse_signature(definition);
  ExpressionPtr call = parse_expression();
  if (!std::holds_alternative<Call>(call->node)) fail("expected a call");
  return {line, CallBlock{std::move(call), finish_macro(std::move(definition), first_token, "endcall")}};
}

void Parser::parse_signature(MacroDefinition& definition) {
  expect_symbol("(");
  while (!at_symbol(")")) {
    if (!definition.parameters.empty()) expect_symbol(",");
    definition.parameters.push_back(expect_name());
    if (skip_symbol("=")) {
      definition.defaults.push_back(parse_expression());
    } else if (!definition.defaults.empty()) {
      fail("non-default argument follows default argument");
    }
  }
  expect_symbol(")");
}

/// The body of a macro whose signature is read. jinja2 collects surplus arguments only when the macro
/// mentions them.
std::shared_ptr<const MacroDefinition> Parser::finish_macro(MacroDefinition definition,
                                                            std::size_t first_token,
                                                            std::string_view end_tag) {
  const int outer_loops = std::exchange(loops_, 0);
  definition.body = parse_until({end_tag}, true);
  loops_ = outer_loops;
  for (std::size_t i = first_token; i < at_; ++i) {
    if (tokens_[i].type != Token::Type::name) continue;
    if (tokens_[i].value == "caller") definition.uses_caller = true;
    if (tokens_[i].value == "varargs") definition.uses_varargs = true;
    if (tokens_[i].value == "kwargs") definition.uses_kwargs = true;
  }
  return std::make_shared<const MacroDefinition>(std::move(definition));
}

Statement Parser::parse_filter_block(std::size_t line) {
  ExpressionPtr filter = parse_filter(nullptr, true);
  Body body = parse_until({"endfilter"}, true);
  return {line, FilterBlock{std::move(filter), std::move(body)}};
}

Statement Parser::parse_with(std::size_t line) {
  With with;
  while (current().type != Token::Type::block_end) {
    if (!with.values.empty()) expect_symbol(",");
    Target target = parse_target(false);
    expect_symbol("=");
    with.values.emplace_back(std::move(target), parse_expression());
  }
  with.body = parse_until({"endwith"}, true);
  return {line, std::move(with)};
}

/// A target or several with commas between them; `end` is the name behind it.
Target Parser::parse_target(bool with_attribute, std::string_view end) {
  Target target;
  while (true) {
    target.elements.push_back(parse_single_target(with_attribute));
    if (!skip_symbol(",")) break;
    target.unpack = true;
    if (tuple_ends(end) || at_symbol("=")) break;
  }
  if (!target.unpack) return std::move(target.elements.front());
  return target;
}

Target Parser::parse_single_target(bool with_attribute) {
  const Nesting nesting(*this);
  Target target;
  if (skip_symbol("(")) {
    target = parse_target(with_attribute);
    expect_symbol(")");
    return target;
  }
  if (at_symbol("[")) unsupported("assigning to a list of names");
  target.name = expect_name();
  if (any_of({"true", "True", "false", "False", "none", "None"}, target.name))
    fail("can't assign to 'const'");
  if (with_attribute && skip_symbol(".")) target.attribute = expect_name();
  return target;
}

}  // namespace mhub::jinja
