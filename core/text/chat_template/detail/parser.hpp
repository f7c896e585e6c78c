// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "mhub/text/chat_template/detail/ast.hpp"
#include "mhub/text/chat_template/detail/lexer.hpp"

namespace mhub::jinja {

/// Recursive descent in the shape of jinja2's own parser (same precedence, same oddities). Throws Fault;
/// `line` then says where. Statements that need other templates (extends, include, import, block) are not
/// supported.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  Body parse();
  std::size_t line() const { return current().line; }

 private:
  // statements (parse_statement.cpp)
  using EndTags = std::initializer_list<std::string_view>;
  Body parse_body(EndTags end_tags);
  Body parse_until(EndTags end_tags, bool drop_end_tag);
  Statement parse_statement();
  Statement parse_print(std::size_t line);
  Statement parse_if(std::size_t line);
  Statement parse_for(std::size_t line);
  Statement parse_set(std::size_t line);
  Statement parse_macro(std::size_t line);
  Statement parse_call_block(std::size_t line);
  Statement parse_filter_block(std::size_t line);
  Statement parse_with(std::size_t line);
  Target parse_target(bool with_attribute, std::string_view end = {});
  Target parse_single_target(bool with_attribute);
  void parse_signature(MacroDefinition& definition);
  std::shared_ptr<const MacroDefinition> finish_macro(MacroDefinition definition, std::size_t first_token,
                                                      std::string_view end_tag);

  // expressions (parse_expression.cpp)
  struct TupleRules {
    bool conditional = true;    ///< "a if b else c" may stand here
    bool parentheses = false;   ///< "()" may stand here
    std::string_view end = {};  ///< a name that ends the tuple
  };
  ExpressionPtr parse_tuple(TupleRules rules);
  ExpressionPtr parse_expression(bool conditional = true);
  ExpressionPtr parse_conditional();
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_compare();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filter = true);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr expression);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_slice(ExpressionPtr object, ExpressionPtr lower, std::size_t line);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr expression);
  ExpressionPtr parse_filter(ExpressionPtr input, bool at_name);
  ExpressionPtr parse_test(ExpressionPtr input);
  CallArguments parse_call_arguments();
  bool tuple_ends(std::string_view end) const;

  // tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool at_name(std::string_view name) const;
  bool at_symbol(std::string_view symbol) const;
  bool skip_name(std::string_view name);
  bool skip_symbol(std::string_view symbol);
  void expect_symbol(std::string_view symbol);
  void expect(Token::Type type);
  std::string expect_name();
  Token next();
  [[noreturn]] void unexpected(const std::string& expected) const;

  class Nesting;

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  ///< open for loops of this macro
};

}  // namespace mhub::jinja
