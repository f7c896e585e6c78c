// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>

#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/format.hpp"
#include "mhub/text/chat_template/detail/number_format.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/text_operations.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

/// printf-style formatting of Python's str % value.
class PercentFormatter {
 public:
  PercentFormatter(const std::string& text, const Value& arguments) : text_(text), arguments_(arguments) {
    if (arguments.is(Kind::tuple)) {
      positional_ = arguments.sequence().items;
    } else {
      positional_ = {arguments};
    }
  }

  std::string write() {
    while (at_ < text_.size()) {
      const std::size_t percent = std::min(text_.find('%', at_), text_.size());
      out_ += text_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < text_.size()) directive();
      check_text_size(out_.size());
    }
    // What can be subscripted is taken for a mapping, which may hold more than the text asks for.
    const bool mapping = arguments_.is(Kind::dict) || arguments_.is(Kind::list) ||
                         arguments_.is(Kind::range) || arguments_.is_undefined();
    if (next_ < positional_.size() && !mapping) fail("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  struct Directive {
    bool left = false, zero = false;
    std::int64_t width = 0;
    NumberFormat number;
  };

  char peek() const {
    if (at_ >= text_.size()) fail("incomplete format");
    return text_[at_];
  }

  const Value& take() {
    if (next_ >= positional_.size()) fail("not enough arguments for format string");
    return positional_[next_++];
  }

  std::int64_t size_field() {
    if (peek() == '*') {
      ++at_;
      const Value& value = take();
      if (!value.is_integral()) fail("* wants int");
      return value.integer();
    }
    std::int64_t size = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      size = size * 10 + (peek() - '0');
      if (size > 1'000'000'000) fail("width too big");
    }
    return size;
  }

  void directive() {
    ++at_;
    if (peek() == '%') {
      ++at_;
      out_ += '%';
      return;
    }
    const Value* keyed = key();
    Directive d;
    flags(d);
    d.width = size_field();
    if (d.width < 0) {
      if (d.width < -1'000'000'000) fail("width too big");
      d.left = true;
      d.width = -d.width;
    }
    if (peek() == '.') {
      ++at_;
      const std::int64_t precision = std::max<std::int64_t>(size_field(), 0);
      if (precision > 1'000'000) fail("precision too big");
      d.number.precision = static_cast<int>(precision);
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    d.number.type = text_[at_++];
    if (d.number.type == '%') {
      put(d, {"", "%"}, false);
      return;
    }
    convert(d, keyed != nullptr ? *keyed : take());
  }

  const Value* key() {
    if (peek() != '(') return nullptr;
    if (!arguments_.is(Kind::dict)) fail("format requires a mapping");
    const std::size_t begin = ++at_;
    for (int open = 1; open > 0; ++at_) {
      if (peek() == '(') ++open;
      if (peek() == ')') --open;
    }
    const Value* found = arguments_.dict().find(std::string_view(text_).substr(begin, at_ - begin - 1));
    if (found == nullptr) fail("KeyError: " + repr(std::string_view(text_).substr(begin, at_ - begin - 1)));
    return found;
  }

  void flags(Directive& d) {
    for (;; ++at_) {
      switch (peek()) {
        case '-': d.left = true; continue;
        case '0': d.zero = true; continue;
        case '+': d.number.sign = '+'; continue;
        case ' ':
          if (d.number.sign != '+') d.number.sign = ' ';
          continue;
        case '#': d.number.alternate = true; continue;
        default: return;
      }
    }
  }

  void convert(const Directive& d, const Value& value) {
    switch (d.number.type) {
      case 's': return put_text(d, str(value));
      case 'r': return put_text(d, repr(value));
      case 'c': return put_character(d, value);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': return put_integer(d, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': {
        refuse_undefined(value);
        if (!value.is_number()) fail("must be real number, not " + value.type_name());
        return put(d, format_real(value.number(), d.number), true);
      }
      default: fail(std::string("unsupported format character '") + d.number.type + "'");
    }
  }

  static void refuse_undefined(const Value& value) {
    if (value.is_undefined()) fail(*value.as<Undefined>().message);
  }

  void put_integer(const Directive& d, const Value& value) {
    refuse_undefined(value);
    const bool decimal = d.number.type == 'd' || d.number.type == 'i' || d.number.type == 'u';
    if (!value.is_integral() && !(decimal && value.is(Kind::real)))
      fail(std::string("%") + d.number.type + " format: an integer is required, not " + value.type_name());
    std::int64_t integer = 0;
    if (value.is_integral()) {
      integer = value.integer();
    } else {
      if (!(std::fabs(value.number()) < 9.2e18))
        unsupported("formatting a float of such a size as an integer");
      integer = static_cast<std::int64_t>(value.number());
    }
    NumberFormat format = d.number;
    if (decimal) format.type = 'd';
    NumberText text = format_integer(integer, format);
    if (format.precision > static_cast<int>(text.digits.size()))
      text.digits.insert(0, static_cast<std::size_t>(format.precision) - text.digits.size(), '0');
    put(d, text, true);
  }

  void put_character(const Directive& d, const Value& value) {
    if (value.is_text() && count_characters(value.text()) == 1) return put(d, {"", value.text()}, false);
    if (!value.is_integral()) fail("%c requires int or char");
    if (value.integer() < 0 || value.integer() > 0x10FFFF) fail("%c arg not in range(0x110000)");
    if (value.integer() >= 0xD800 && value.integer() < 0xE000) unsupported("a surrogate");
    std::string text;
    append_character(text, static_cast<char32_t>(value.integer()));
    put(d, {"", text}, false);
  }

  void put_text(const Directive& d, std::string text) {
    if (d.number.precision >= 0)
      text.resize(unicode::offset(text, static_cast<std::size_t>(d.number.precision)));
    put(d, {"", text}, false);
  }

  void put(const Directive& d, const NumberText& text, bool number) {
    if (number && d.zero && !d.left) {
      const auto prefix = static_cast<std::int64_t>(text.prefix.size());
      out_ += text.prefix + pad(text.digits, d.width - prefix, "0", Side::right);
    } else {
      out_ += pad(text.prefix + text.digits, d.width, " ", d.left ? Side::left : Side::right);
    }
  }

  const std::string& text_;
  const Value& arguments_;
  std::vector<Value> positional_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  std::string out_;
};

}  // namespace

Value percent_format(const Value& text, const Value& arguments) {
  if (text.markup()) unsupported("% on a Markup string");
  return Value(PercentFormatter(text.text(), arguments).write());
}

}  // namespace mhub::jinja
