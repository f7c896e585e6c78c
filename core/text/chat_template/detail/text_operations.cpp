// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/chat_template/detail/text_operations.hpp"

#include <algorithm>

#include "mhub/base/find_text.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/chat_template/detail/fault.hpp"
#include "mhub/text/chat_template/detail/limits.hpp"
#include "mhub/text/chat_template/detail/text_form.hpp"
#include "mhub/text/chat_template/detail/unicode.hpp"

namespace mhub::jinja {
namespace {

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

void check_count(std::size_t count) {
  if (count > kMaxItems) fail("a list of more than " + std::to_string(kMaxItems) + " elements");
}

std::vector<std::string> split_at_space(std::string_view text, std::int64_t limit, bool from_right) {
  std::u32string points = unicode::to_points(text);
  // From the right is from the left on the reversed text.
  if (from_right) std::reverse(points.begin(), points.end());
  std::vector<std::string> parts;
  std::size_t at = 0;
  auto put = [&](std::size_t begin, std::size_t end) {
    std::u32string part = points.substr(begin, end - begin);
    if (from_right) std::reverse(part.begin(), part.end());
    parts.push_back(unicode::from_points(part));
    check_count(parts.size());
  };
  while (true) {
    while (at < points.size() && unicode::is_space(points[at])) ++at;
    if (at == points.size()) break;
    if (limit >= 0 && static_cast<std::int64_t>(parts.size()) == limit) {
      put(at, points.size());
      break;
    }
    const std::size_t begin = at;
    while (at < points.size() && !unicode::is_space(points[at])) ++at;
    put(begin, at);
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::string reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }

std::vector<std::string> split_at(std::string_view text, std::string_view separator, std::int64_t limit) {
  if (separator.empty()) fail("empty separator");
  std::vector<std::string> parts;
  std::size_t done = 0;
  while (limit < 0 || static_cast<std::int64_t>(parts.size()) < limit) {
    const std::size_t at = find_text(text, separator, done);
    if (at == std::string_view::npos) break;
    parts.emplace_back(text.substr(done, at - done));
    done = at + separator.size();
    check_count(parts.size());
  }
  parts.emplace_back(text.substr(done));
  return parts;
}

std::vector<std::string> split_at_from_right(std::string_view text, std::string_view separator,
                                             std::int64_t limit) {
  std::vector<std::string> parts = split_at(reversed(text), reversed(separator), limit);
  for (std::string& part : parts) std::reverse(part.begin(), part.end());
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

std::string strip(std::string_view text, const std::string* characters, Side side) {
  const std::u32string points = unicode::to_points(text);
  std::u32string set = characters != nullptr ? unicode::to_points(*characters) : std::u32string();
  std::sort(set.begin(), set.end());
  auto goes = [&](char32_t point) {
    return characters != nullptr ? std::binary_search(set.begin(), set.end(), point)
                                 : unicode::is_space(point);
  };
  std::size_t begin = 0;
  std::size_t end = points.size();
  if (side != Side::right)
    while (begin < end && goes(points[begin])) ++begin;
  if (side != Side::left)
    while (end > begin && goes(points[end - 1])) --end;
  return unicode::from_points(std::u32string_view(points).substr(begin, end - begin));
}

std::vector<std::string> split(std::string_view text, const std::string* separator, std::int64_t limit,
                               bool from_right) {
  if (separator != nullptr)
    return from_right ? split_at_from_right(text, *separator, limit) : split_at(text, *separator, limit);
  return split_at_space(text, limit, from_right);
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at;
    const char32_t point = next_character(text, at);
    if (!is_line_end(point)) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.emplace_back(text.substr(begin, (keep_ends ? at : end) - begin));
    check_count(lines.size());
    begin = at;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

std::string replace(std::string_view text, std::string_view old, std::string_view replacement,
                    std::int64_t limit) {
  std::string out;
  std::size_t at = 0;
  for (std::int64_t done = 0; limit < 0 || done < limit; ++done) {
    check_text_size(out.size());
    if (old.empty()) {
      // in front of every character and at the end
      out += replacement;
      if (at >= text.size()) return out;
      const std::size_t begin = at;
      next_character(text, at);
      out += text.substr(begin, at - begin);
      continue;
    }
    const std::size_t found = find_text(text, old, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += replacement;
    at = found + old.size();
  }
  out += text.substr(at);
  check_text_size(out.size());
  return out;
}

std::string pad(std::string_view text, std::int64_t width, std::string_view fill, Side side) {
  if (count_characters(fill) != 1) fail("The fill character must be exactly one character long");
  const auto missing = width - static_cast<std::int64_t>(count_characters(text));
  if (missing <= 0) return std::string(text);
  check_text_size(static_cast<std::size_t>(missing), fill.size());
  // CPython's str.center puts the odd one to the left when the width is odd.
  const std::int64_t left = side == Side::left    ? 0
                            : side == Side::right ? missing
                                                  : missing / 2 + (missing & width & 1);
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += text;
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return out;
}

std::string zero_fill(std::string_view text, std::int64_t width) {
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  if (!sign) return pad(text, width, "0", Side::right);
  return std::string(1, text[0]) + pad(text.substr(1), width - 1, "0", Side::right);
}

std::string title(std::string_view text) {
  std::string out;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_character(text, at);
    out += inside ? unicode::lower(text.substr(begin, at - begin)) : unicode::title(point);
    inside = unicode::is_cased(point);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  std::size_t at = 0;
  const char32_t first = next_character(text, at);
  return unicode::title(first) + unicode::lower(text.substr(at));
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_character(text, at);
    const std::string_view character = text.substr(begin, at - begin);
    out += unicode::is_upper(point)   ? unicode::lower(character)
           : unicode::is_lower(point) ? unicode::upper(character)
                                      : std::string(character);
  }
  return out;
}

}  // namespace mhub::jinja
