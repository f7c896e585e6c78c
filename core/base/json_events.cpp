// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json_events.hpp"

#include <array>
#include <charconv>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"

namespace mhub {
namespace {

/// Bytes of a string that stand for themselves, whatever is around them.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}();

class Reader {
 public:
  Reader(std::string_view text, const std::string& what, JsonEvents& events)
      : text_(text), what_(what), events_(events) {}

  void run() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    values();
    while (!objects_.empty()) {
      const bool object = objects_.back();
      skip_space();
      if (next() == ',') {
        ++at_;
        skip_space();
        if (object) key();
        values();
      } else if (next() == (object ? '}' : ']')) {
        end(object);
      } else {
        fail(object ? "',' or '}'" : "',' or ']'");
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("nothing behind the value");
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw InputError(what_ + ": not valid JSON: byte " + std::to_string(at_) + ": expected " + expected +
                     (at_ < text_.size() ? "" : ", and the text ends"));
  }
  /// The next byte; NUL at the end, which no JSON has.
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (next() == ' ' || next() == '\n' || next() == '\t' || next() == '\r') ++at_;
  }

  /// A value that holds no others, and all that begin before it.
  void values() {
    for (skip_space(); next() == '{' || next() == '['; skip_space()) {
      const bool object = next() == '{';
      ++at_;
      object ? events_.begin_object() : events_.begin_list();
      objects_.push_back(object);
      skip_space();
      if (next() == (object ? '}' : ']')) return end(object);
      if (object) key();
    }
    single();
  }
  void single() {
    const char first = next();
    if (first == '"') return events_.string(quoted());
    if (first == '-' || (first >= '0' && first <= '9')) return number();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return events_.other(word);
    }
    fail("a value");
  }

  void end(bool object) {
    ++at_;
    objects_.pop_back();
    object ? events_.end_object() : events_.end_list();
  }
  void key() {
    if (next() != '"') fail("a key");
    events_.key(quoted());
    skip_space();
    if (next() != ':') fail("':'");
    ++at_;
  }

  std::string_view quoted() {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && kPlain[static_cast<unsigned char>(text_[at_])]) ++at_;
    if (next() == '"') return text_.substr(begin, at_++ - begin);
    return unescaped(begin);
  }
  /// The same of a string with escapes, or with more than ASCII.
  std::string_view unescaped(std::size_t begin) {
    scratch_.assign(text_.substr(begin, at_ - begin));
    for (; next() != '"'; ++at_) {
      const char byte = next();
      if (static_cast<unsigned char>(byte) < 0x20) fail("the end of a string, or no control character");
      if (byte == '\\') {
        ++at_;
        escape();
      } else {
        scratch_ += byte;
      }
    }
    ++at_;
    if (const std::size_t valid = valid_utf8_prefix(scratch_); valid != scratch_.size())
      fail("UTF-8 in the string before");
    return scratch_;
  }
  void escape() {
    constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (next() == 'u') return append_character(scratch_, escaped_character());
    const std::size_t which = next() == '\0' ? kEscapes.npos : kEscapes.find(next());
    if (which == kEscapes.npos) fail("an escape");
    scratch_ += kMeanings[which];
  }
  /// Behind the backslash of "\uXXXX", or of a pair of them; ends at the last digit.
  char32_t escaped_character() {
    const char32_t first = code_unit();
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF || !text_.substr(at_ + 1).starts_with("\\u")) fail("a pair of surrogates");
    at_ += 2;
    const char32_t second = code_unit();
    if (second < 0xDC00 || second > 0xDFFF) fail("a pair of surrogates");
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }
  char32_t code_unit() {
    const std::string_view digits = text_.substr(at_ + 1, 4);
    std::uint32_t unit = 0;
    const char* const end = digits.data() + digits.size();
    if (digits.size() != 4 || std::from_chars(digits.data(), end, unit, 16).ptr != end) fail("four digits");
    at_ += 4;
    return unit;
  }

  void digits() {
    if (next() < '0' || next() > '9') fail("a digit");
    while (next() >= '0' && next() <= '9') ++at_;
  }
  void number() {
    const std::size_t begin = at_;
    if (next() == '-') ++at_;
    if (next() == '0') {
      ++at_;
    } else {
      digits();
    }
    bool whole = text_[begin] != '-';
    if (next() == '.') {
      whole = false;
      ++at_;
      digits();
    }
    if (next() == 'e' || next() == 'E') {
      whole = false;
      ++at_;
      if (next() == '+' || next() == '-') ++at_;
      digits();
    }
    const std::string_view text = text_.substr(begin, at_ - begin);
    std::uint64_t count = 0;
    if (whole && std::from_chars(text.data(), text.data() + text.size(), count).ec == std::errc())
      return events_.count(count);
    events_.other(text);
  }

  std::string_view text_;
  const std::string& what_;
  JsonEvents& events_;
  std::size_t at_ = 0;
  std::vector<bool> objects_;  ///< of what is open: whether it is an object
  std::string scratch_;
};

}  // namespace

void read_json_events(std::string_view text, const std::string& what, JsonEvents& events) {
  Reader(text, what, events).run();
}

}  // namespace mhub
