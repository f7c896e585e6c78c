// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/pattern.hpp"

#include <charconv>
#include <stdexcept>

namespace mhub {
namespace {

/// The content of each "{...}" of a pattern, with where it starts and ends (braces included).
struct Brace {
  std::size_t begin, end;
  std::string_view inside;
};

std::vector<Brace> braces(std::string_view pattern) {
  std::vector<Brace> found;
  for (std::size_t at = pattern.find_first_of("{}"); at != std::string_view::npos;
       at = pattern.find_first_of("{}", at)) {
    const std::size_t close =
        pattern[at] == '{' ? pattern.find_first_of("{}", at + 1) : std::string_view::npos;
    if (close == std::string_view::npos || pattern[close] != '}') {
      throw std::logic_error("unbalanced braces in pattern " + std::string(pattern));
    }
    found.push_back({at, close + 1, pattern.substr(at + 1, close - at - 1)});
    at = close + 1;
  }
  return found;
}

/// One `[...]` set of a glob at `glob[at]`; moves `at` past it and tells whether `c` is a member.
bool set_contains(std::string_view glob, std::size_t& at, char c) {
  std::size_t k = at + 1;
  const bool negated = k < glob.size() && (glob[k] == '!' || glob[k] == '^');
  if (negated) ++k;
  bool member = false;
  for (bool first = true; k < glob.size() && (first || glob[k] != ']'); first = false, ++k) {
    if (k + 2 < glob.size() && glob[k + 1] == '-' && glob[k + 2] != ']') {
      member = member || (glob[k] <= c && c <= glob[k + 2]);
      k += 2;
    } else {
      member = member || glob[k] == c;
    }
  }
  at = k + 1;
  return member != negated;
}

}  // namespace

std::vector<std::string> expand_alternatives(std::string_view pattern) {
  for (const Brace& brace : braces(pattern)) {
    if (brace.inside.find(',') == std::string_view::npos) continue;
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin <= brace.inside.size();) {
      const std::size_t comma = std::min(brace.inside.find(',', begin), brace.inside.size());
      std::string one(pattern.substr(0, brace.begin));
      one += brace.inside.substr(begin, comma - begin);
      one += pattern.substr(brace.end);
      for (std::string& name : expand_alternatives(one)) all.push_back(std::move(name));
      begin = comma + 1;
    }
    return all;
  }
  return {std::string(pattern)};
}

std::vector<std::string> variables(std::string_view pattern) {
  std::vector<std::string> names;
  for (const Brace& brace : braces(pattern))
    names.emplace_back(brace.inside.substr(0, brace.inside.find('+')));
  return names;
}

std::int64_t index_value(std::string_view expression, const Bindings& bindings) {
  const std::size_t plus = expression.find('+');
  const auto value = bindings.find(std::string(expression.substr(0, plus)));
  std::int64_t shift = 0;
  bool good = value != bindings.end();
  if (good && plus != std::string_view::npos) {
    const char* end = expression.data() + expression.size();
    const auto parsed = std::from_chars(expression.data() + plus + 1, end, shift);
    good = parsed.ec == std::errc() && parsed.ptr == end;
  }
  if (!good) throw std::logic_error("no value for index {" + std::string(expression) + "} of a pattern");
  return value->second + shift;
}

std::string substitute(std::string_view pattern, const Bindings& bindings) {
  std::string text;
  std::size_t done = 0;
  for (const Brace& brace : braces(pattern)) {
    text += pattern.substr(done, brace.begin - done);
    text += std::to_string(index_value(brace.inside, bindings));
    done = brace.end;
  }
  text += pattern.substr(done);
  return text;
}

bool glob_match(std::string_view glob, std::string_view name) {
  // The classic two-pointer walk: on a mismatch, let the last `*` swallow one more character.
  std::size_t g = 0, n = 0, star = std::string_view::npos, star_name = 0;
  while (n < name.size()) {
    std::size_t next = g;
    bool matches = false;
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      star_name = n;
      continue;
    }
    if (g < glob.size()) {
      if (glob[g] == '[' && glob.find(']', g + 2) != std::string_view::npos) {
        matches = set_contains(glob, next, name[n]);
      } else {
        matches = glob[g] == '?' || glob[g] == name[n];
        next = g + 1;
      }
    }
    if (matches) {
      g = next;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace mhub
