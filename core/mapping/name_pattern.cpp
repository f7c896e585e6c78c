// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/name_pattern.hpp"

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

/// The variable of an expression: "i" of "i", "i+3", "i/2".
std::string_view variable_of(std::string_view expression) {
  return expression.substr(0, expression.find_first_of("+/"));
}

/// The number behind `sign` in an expression, 3 in "i+3"; `without` where there is no such sign.
std::int64_t number_behind(char sign, std::string_view expression, std::int64_t without) {
  const std::size_t at = expression.find(sign);
  if (at == std::string_view::npos) return without;
  std::int64_t number = 0;
  const char* const end = expression.data() + expression.size();
  const auto parsed = std::from_chars(expression.data() + at + 1, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 1)
    throw std::logic_error("no number behind " + std::string(1, sign) + " in {" + std::string(expression) +
                           "} of a pattern");
  return number;
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern, std::span<const std::string> variables) {
  std::size_t done = 0;
  for (const Brace& brace : braces(pattern)) {
    const auto found = std::find(variables.begin(), variables.end(), variable_of(brace.inside));
    if (found == variables.end())
      throw std::logic_error("no value for index {" + std::string(brace.inside) + "} of a pattern");
    parts_.push_back({std::string(pattern.substr(done, brace.begin - done)),
                      static_cast<std::size_t>(found - variables.begin()),
                      number_behind('+', brace.inside, 0), number_behind('/', brace.inside, 1)});
    done = brace.end;
  }
  end_ = pattern.substr(done);
}

std::string NamePattern::name(std::span<const std::int64_t> values) const {
  std::string text;
  for (const Part& part : parts_) {
    text += part.text;
    text += std::to_string(values[part.variable] / part.divisor + part.shift);
  }
  return text += end_;
}

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
  for (const Brace& brace : braces(pattern)) names.emplace_back(variable_of(brace.inside));
  return names;
}

std::string substitute(std::string_view pattern, const Bindings& bindings) {
  std::vector<std::string> variables;
  std::vector<std::int64_t> values;
  for (const auto& [variable, value] : bindings) {
    variables.push_back(variable);
    values.push_back(value);
  }
  return NamePattern(pattern, variables).name(values);
}

}  // namespace mhub
