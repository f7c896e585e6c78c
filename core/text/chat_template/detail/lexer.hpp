// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mhub::jinja {

struct Token {
  enum class Type {
    text,
    print_begin,
    print_end,
    block_begin,
    block_end,
    name,
    string,
    integer,
    real,
    symbol,
    end
  };
  Type type;
  std::size_t line;
  std::string value;  ///< the name, operator or unescaped string; the text
  std::int64_t integer = 0;
  double real = 0;
};

/// Cuts a template into tokens as jinja2's lexer does with trim_blocks and lstrip_blocks: comments and raw
/// blocks are resolved, whitespace control is applied, line ends are "\n", one trailing line end is dropped.
class Lexer {
 public:
  explicit Lexer(std::string_view source);
  /// Throws Fault; `line` then says where.
  std::vector<Token> tokens();
  std::size_t line() const { return line_; }

 private:
  enum class Mark { print, block, comment, raw };
  struct Opening {
    Mark mark;
    std::size_t begin, end;  ///< of "{%-" or, for raw, of "{% raw %}"
    char sign;               ///< '-', '+' or 0
  };

  bool find_opening(Opening& opening) const;
  bool raw_tag(std::size_t at, std::string_view word, bool end_tag, Opening& opening) const;
  void emit_text(std::size_t end, const Opening& opening);
  void skip_comment();
  void raw_block();
  void code(bool block);
  bool closing(bool block);
  void operator_token();
  void number();
  void string_literal();
  void escape(std::size_t& at, std::size_t end, std::string& out);
  void add(Token::Type type, std::string value);
  /// Moves to `end`, counting lines.
  void advance(std::size_t end);
  std::size_t skip_space(std::size_t at) const;
  bool starts(std::size_t at, std::string_view what) const;

  std::string source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool line_starting_ = true;  ///< what was read last ended with a line end
  std::string open_brackets_;
  std::vector<Token> tokens_;
};

}  // namespace mhub::jinja
