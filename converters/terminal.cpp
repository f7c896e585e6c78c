// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <unistd.h>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kLongestLine = 4096;
Shown shown = Shown::cut;

/// Bidirectional controls reorder what stands around them (Unicode Standard Annex #9, table of formatting
/// characters); the zero-width ones among them hide.
bool steers(char32_t c) {
  const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
  const bool bidirectional = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                             (c >= 0x2066 && c <= 0x2069);
  return control || bidirectional || c == 0x2028 || c == 0x2029;
}

void append_escaped(std::string& out, char32_t c) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), c < 0x100 ? "\\x%02x" : "\\u%04x", static_cast<unsigned>(c));
  out += text.data();
}

/// Collects lines and hands them on as printable text.
class Filter final : public std::streambuf {
 public:
  explicit Filter(std::streambuf& to) : to_(to) {}

 protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const char one = traits_type::to_char_type(c);
    return xsputn(&one, 1) == 1 ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    for (const char one : std::string_view(text, static_cast<std::size_t>(count))) {
      const bool room = shown != Shown::cut || line_ < kLongestLine;
      if (one == '\n' && line_ > kLongestLine && shown == Shown::cut) held_ += " ...";
      line_ = one == '\n' ? 0 : line_ + 1;
      if (room || one == '\n') held_ += one;
    }
    return count;
  }
  int sync() override {
    const std::string text = shown == Shown::exact ? held_ : printable_text(held_);
    held_.clear();
    const auto size = static_cast<std::streamsize>(text.size());
    return to_.sputn(text.data(), size) == size ? to_.pubsync() : -1;
  }

 private:
  std::streambuf& to_;
  std::string held_;
  std::size_t line_ = 0;
};

}  // namespace

std::string printable_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_prefix(text);
    for (std::size_t at = 0; at < valid;) {
      const char32_t c = next_character(text, at);
      if (steers(c)) {
        append_escaped(out, c);
      } else {
        append_character(out, c);
      }
    }
    if (valid < text.size()) append_escaped(out, static_cast<unsigned char>(text[valid]));
    text.remove_prefix(std::min(valid + 1, text.size()));
  }
  return out;
}

void show(Shown how) {
  std::cout.flush();
  shown = how;
}

Output::Output() : original_(std::cout.rdbuf()) {
  if (::isatty(STDOUT_FILENO) == 0) return;
  filter_ = std::make_unique<Filter>(*original_);
  std::cout.rdbuf(filter_.get());
}

Output::~Output() {
  std::cout.flush();
  std::cout.rdbuf(original_);
}

void Output::finish() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw IoError("standard output: not all could be written; is the disk full?");
}

}  // namespace mhub::converters
