// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/lexer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

std::string normalize_newlines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

/// The end of a run of digits in which single underscores may stand between digits.
std::size_t digits_end(std::string_view text, std::size_t at, bool (*digit)(char)) {
  while (at < text.size() &&
         (digit(text[at]) || (text[at] == '_' && at + 1 < text.size() && digit(text[at + 1]))))
    ++at;
  return at;
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
  return out;
}

/// How much of `text`, counted from its begin, is left when whitespace at the end goes.
std::size_t rstripped(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();)
    if (!unicode::is_space(next_character(text, at))) end = at;
  return end;
}

bool all_space(std::string_view text) { return rstripped(text) == 0; }

}  // namespace

Lexer::Lexer(std::string_view source) {
  if (source.size() > kMaxTemplateBytes)
    fail("a template of more than " + std::to_string(kMaxTemplateBytes >> 20) + " MiB");
  if (!is_utf8(source)) fail("the template is not valid UTF-8");
  source_ = normalize_newlines(source);
  if (!source_.empty() && source_.back() == '\n') source_.pop_back();
}

std::vector<Token> Lexer::tokens() {
  Opening opening{};
  while (find_opening(opening)) {
    emit_text(opening.begin, opening);
    advance(opening.end);
    line_starting_ = source_[opening.end - 1] == '\n';
    switch (opening.mark) {
      case Mark::comment: skip_comment(); break;
      case Mark::raw: raw_block(); break;
      case Mark::print: code(false); break;
      case Mark::block: code(true); break;
    }
  }
  if (at_ < source_.size()) {
    add(Token::Type::text, source_.substr(at_));
    advance(source_.size());
  }
  add(Token::Type::end, "");
  return std::move(tokens_);
}

bool Lexer::starts(std::size_t at, std::string_view what) const {
  return source_.compare(at, what.size(), what) == 0;
}

std::size_t Lexer::skip_space(std::size_t at) const {
  while (at < source_.size()) {
    std::size_t next = at;
    if (!unicode::is_space(next_character(source_, next))) break;
    at = next;
  }
  return at;
}

void Lexer::advance(std::size_t end) {
  line_ += static_cast<std::size_t>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                               source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
  at_ = end;
}

void Lexer::add(Token::Type type, std::string value) { tokens_.push_back({type, line_, std::move(value)}); }

/// "{%[-+]? raw [-]?%}" at `at`; or endraw, whose "%}" may also have '+' and takes a line end with it.
bool Lexer::raw_tag(std::size_t at, std::string_view word, bool end_tag, Opening& opening) const {
  if (!starts(at, "{%")) return false;
  std::size_t next = at + 2;
  char sign = 0;
  if (next < source_.size() && (source_[next] == '-' || source_[next] == '+')) sign = source_[next++];
  next = skip_space(next);
  if (!starts(next, word)) return false;
  next = skip_space(next + word.size());
  if (starts(next, "-%}")) {
    next = skip_space(next + 3);
  } else if (end_tag && starts(next, "+%}")) {
    next += 3;
  } else if (starts(next, "%}")) {
    next += 2;
    if (end_tag && starts(next, "\n")) ++next;
  } else {
    return false;
  }
  opening = {Mark::raw, at, next, sign};
  return true;
}

bool Lexer::find_opening(Opening& opening) const {
  for (std::size_t at = source_.find('{', at_); at != std::string::npos; at = source_.find('{', at + 1)) {
    if (raw_tag(at, "raw", false, opening)) return true;
    if (at + 1 == source_.size()) return false;
    const char second = source_[at + 1];
    if (second != '{' && second != '%' && second != '#') continue;
    opening = {second == '{' ? Mark::print : second == '%' ? Mark::block : Mark::comment, at, at + 2, 0};
    if (opening.end < source_.size() && (source_[opening.end] == '-' || source_[opening.end] == '+'))
      opening.sign = source_[opening.end++];
    return true;
  }
  return false;
}

void Lexer::emit_text(std::size_t end, const Opening& opening) {
  std::string_view text(source_.data() + at_, end - at_);
  if (opening.sign == '-') {
    text = text.substr(0, rstripped(text));
  } else if (opening.sign != '+' && opening.mark != Mark::print) {
    // lstrip_blocks: whitespace between the line's start and the tag goes
    const std::size_t newline = text.rfind('\n');
    const std::size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
    if ((line_begin > 0 || line_starting_) && all_space(text.substr(line_begin)))
      text = text.substr(0, line_begin);
  }
  if (!text.empty()) add(Token::Type::text, std::string(text));
  advance(end);
}

void Lexer::skip_comment() {
  if (at_ == source_.size()) return;  // jinja2 has no complaint about an opening at the very end
  const std::size_t close = source_.find("#}", at_);
  if (close == std::string::npos) fail("Missing end of comment tag");
  std::size_t end = close + 2;
  if (close > at_ && source_[close - 1] == '-') {
    end = skip_space(end);
  } else if (!(close > at_ && source_[close - 1] == '+') && starts(end, "\n")) {
    ++end;
  }
  line_starting_ = source_[end - 1] == '\n';
  advance(end);
}

void Lexer::raw_block() {
  if (at_ == source_.size()) return;
  Opening end{};
  for (std::size_t at = source_.find("{%", at_); at != std::string::npos; at = source_.find("{%", at + 1)) {
    if (!raw_tag(at, "endraw", true, end)) continue;
    emit_text(end.begin, end);
    line_starting_ = source_[end.end - 1] == '\n';
    advance(end.end);
    return;
  }
  fail("Missing end of raw directive");
}

/// "%}" or "}}" with its whitespace control, when no bracket is open.
bool Lexer::closing(bool block) {
  if (!open_brackets_.empty()) return false;
  const std::string_view close = block ? "%}" : "}}";
  const char sign = source_[at_];
  std::size_t end = at_;
  if (sign == '-' && starts(at_ + 1, close)) {
    end = skip_space(at_ + 3);
  } else if (block && sign == '+' && starts(at_ + 1, close)) {
    end = at_ + 3;
  } else if (starts(at_, close)) {
    end = at_ + 2;
    if (block && starts(end, "\n")) ++end;
  } else {
    return false;
  }
  add(block ? Token::Type::block_end : Token::Type::print_end, std::string(close));
  line_starting_ = source_[end - 1] == '\n';
  advance(end);
  return true;
}

void Lexer::code(bool block) {
  add(block ? Token::Type::block_begin : Token::Type::print_begin, block ? "{%" : "{{");
  while (at_ < source_.size()) {
    if (closing(block)) return;
    const char c = source_[at_];
    if (const std::size_t end = skip_space(at_); end > at_) {
      advance(end);
    } else if (is_digit(c)) {
      number();
    } else if (is_name_start(c)) {
      std::size_t name_end = at_;
      while (name_end < source_.size() && is_name(source_[name_end])) ++name_end;
      add(Token::Type::name, source_.substr(at_, name_end - at_));
      at_ = name_end;
    } else if (c == '\'' || c == '"') {
      string_literal();
    } else {
      operator_token();
    }
  }
  // The parser says what is missing.
}

void Lexer::operator_token() {
  static constexpr std::string_view kPairs[] = {"**", "//", "==", "!=", ">=", "<="};
  static constexpr std::string_view kSingles = "+-/*%~[](){}><=.:|,;";
  std::size_t size = 0;
  for (const std::string_view pair : kPairs)
    if (starts(at_, pair)) size = 2;
  const char c = source_[at_];
  if (size == 0 && kSingles.find(c) != std::string_view::npos) size = 1;
  if (size == 0) {
    std::size_t end = at_;
    next_character(source_, end);
    fail("unexpected char '" + source_.substr(at_, end - at_) + "'");
  }
  if (size == 1 && std::string_view("([{").find(c) != std::string_view::npos) {
    open_brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  } else if (size == 1 && std::string_view(")]}").find(c) != std::string_view::npos) {
    if (open_brackets_.empty()) fail(std::string("unexpected '") + c + "'");
    if (open_brackets_.back() != c)
      fail(std::string("unexpected '") + c + "', expected '" + open_brackets_.back() + "'");
    open_brackets_.pop_back();
  }
  add(Token::Type::symbol, source_.substr(at_, size));
  at_ += size;
}

void Lexer::number() {
  const std::string_view text = source_;
  std::size_t end = digits_end(text, at_, is_digit);
  bool real = false;
  // jinja2's float_re does not match behind a dot: a.0.1 is two subscripts
  if (at_ == 0 || text[at_ - 1] != '.') {
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      end = digits_end(text, end + 1, is_digit);
      real = true;
    }
    if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
      if (exponent < text.size() && is_digit(text[exponent])) {
        end = digits_end(text, exponent, is_digit);
        real = true;
      }
    }
  }
  if (real) {
    const std::string digits = without_underscores(text.substr(at_, end - at_));
    tokens_.push_back({Token::Type::real, line_, digits, 0, std::strtod(digits.c_str(), nullptr)});
    at_ = end;
    return;
  }
  int base = 10;
  std::size_t begin = at_;
  if (text[at_] == '0') {
    // 0b, 0o, 0x; else a row of zeros
    const char kind = at_ + 1 < text.size()
                          ? static_cast<char>(std::tolower(static_cast<unsigned char>(text[at_ + 1])))
                          : ' ';
    bool (*digit)(char) = nullptr;
    if (kind == 'b') base = 2, digit = [](char c) { return c == '0' || c == '1'; };
    if (kind == 'o') base = 8, digit = [](char c) { return c >= '0' && c <= '7'; };
    if (kind == 'x')
      base = 16, digit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
    if (digit != nullptr && digits_end(text, at_ + 2, digit) > at_ + 2) {
      begin = at_ + 2;
      end = digits_end(text, begin, digit);
    } else {
      base = 10;
      end = digits_end(text, at_, [](char c) { return c == '0'; });
    }
  }
  const std::string digits = without_underscores(text.substr(begin, end - begin));
  std::int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ec != std::errc()) unsupported("the integer " + digits + " (beyond 64 bits)");
  tokens_.push_back({Token::Type::integer, line_, digits, value, 0});
  at_ = end;
}

void Lexer::string_literal() {
  const char quote = source_[at_];
  std::size_t end = at_ + 1;
  while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
  if (end >= source_.size()) fail(std::string("unexpected char '") + quote + "': the string has no end");
  std::string value;
  for (std::size_t at = at_ + 1; at < end;) {
    if (source_[at] == '\\') {
      escape(at, end, value);
    } else {
      value += source_[at++];
    }
  }
  add(Token::Type::string, std::move(value));
  advance(end + 1);
}

/// One escape sequence, as Python's unicode-escape codec reads it.
void Lexer::escape(std::size_t& at, std::size_t end, std::string& out) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv";
  static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const char c = source_[at + 1];
  at += 2;
  if (c == '\n') return;
  if (const std::size_t letter = kLetters.find(c); letter != std::string_view::npos) {
    out += kMeanings[letter];
    return;
  }
  char32_t point = 0;
  if (c >= '0' && c <= '7') {
    --at;
    for (int i = 0; i < 3 && at < end && source_[at] >= '0' && source_[at] <= '7'; ++i)
      point = point * 8 + static_cast<char32_t>(source_[at++] - '0');
    append_character(out, point);
    return;
  }
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits > 0) {
    unsigned number = 0;
    const char* begin = source_.data() + at;
    if (end - at < digits) fail("truncated escape sequence in a string");
    const auto parsed = std::from_chars(begin, begin + digits, number, 16);
    if (parsed.ptr != begin + digits) fail("truncated escape sequence in a string");
    if (number > 0x10FFFF) fail("illegal Unicode character in a string");
    if (number >= 0xD800 && number < 0xE000) unsupported("a surrogate in a string");
    append_character(out, number);
    at += digits;
    return;
  }
  if (c == 'N') unsupported("\\N{...} in a string");
  out += '\\';
  if (static_cast<unsigned char>(c) < 0x80) {
    out += c;
    return;
  }
  // jinja2 writes characters beyond ASCII as \x.. before it unescapes: the backslash in front eats that one.
  --at;
  char32_t other = next_character(source_, at);
  char buffer[16];
  std::snprintf(buffer, sizeof buffer,
                other < 0x100     ? "x%02x"
                : other < 0x10000 ? "u%04x"
                                  : "U%08x",
                static_cast<unsigned>(other));
  out += buffer;
}

}  // namespace mhub::jinja
