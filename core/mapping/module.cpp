// Mappings as parts of mappings, and tensors that are only carried along.
#include <algorithm>
#include <stdexcept>

#include "mhub/mapping/mapping.hpp"

namespace mhub {
namespace {

/// A name pattern with index variable "i" called otherwise: "{i}", "{i+3}".
std::string with_index(std::string pattern, const std::string& index) {
  for (std::size_t at = pattern.find("{i"); at != std::string::npos; at = pattern.find("{i", at + 1)) {
    const char next = at + 2 < pattern.size() ? pattern[at + 2] : '\0';
    if (next == '}' || next == '+') pattern.replace(at + 1, 1, index);
  }
  return pattern;
}

std::string renamed(const std::string& variable, const std::string& index) {
  return variable == "i" ? index : variable;
}

bool has_variable(const Rule& rule, const std::string& variable) {
  const std::vector<std::string> found = variables(rule.megatron);
  return std::find(found.begin(), found.end(), variable) != found.end();
}

/// A rule of a module as a rule of the whole.
Rule placed(Rule rule, const ModuleNames& names) {
  for (Operand& operand : rule.transform.operands) {
    operand.name = names.hf + with_index(operand.name, names.index);
    operand.stack_variable = renamed(operand.stack_variable, names.index);
  }
  rule.megatron = is_carried(rule.megatron) ? std::string(kCarriedPrefix) + rule.transform.operands[0].name
                                            : names.megatron + with_index(rule.megatron, names.index);
  std::map<std::string, std::vector<std::int64_t>> values;
  for (auto& [variable, allowed] : rule.values) values[renamed(variable, names.index)] = std::move(allowed);
  rule.values = std::move(values);
  return rule;
}

}  // namespace

bool is_carried(std::string_view canonical_name) { return canonical_name.starts_with(kCarriedPrefix); }

Rule& Mapping::carried(const std::string& hf, const Shape& shape) {
  Transform transform = replicated(hf, shape);
  transform.kind = "carried";
  return rule(std::string(kCarriedPrefix) + hf, std::move(transform));
}

Mapping& Mapping::carry_from(const std::string& variable, std::int64_t begin) {
  const std::int64_t count = indices_.at(variable);
  std::vector<Rule> kept;
  std::swap(kept, rules_);
  for (Rule& one : kept) {
    if (!has_variable(one, variable)) {
      rules_.push_back(std::move(one));
      continue;
    }
    if (one.values.contains(variable))
      throw std::logic_error("carry_from: rule " + one.megatron + " is restricted");
    for (const Operand& operand : one.transform.operands)
      carried(operand.name, operand.shape).only(variable, begin, count);
    one.only(variable, 0, begin);
    rules_.push_back(std::move(one));
  }
  return *this;
}

Mapping& Mapping::carry_all() {
  std::vector<Rule> all;
  std::swap(all, rules_);
  for (const Rule& one : all) {
    for (const Operand& operand : one.transform.operands)
      carried(operand.name, operand.shape).values = one.values;
  }
  return *this;
}

Mapping& Mapping::include(const Mapping& module, const ModuleNames& names) {
  for (const auto& [variable, count] : module.indices_) {
    const std::string name = renamed(variable, names.index);
    const auto [at, fresh] = indices_.emplace(name, count);
    if (!fresh && at->second != count)
      throw std::logic_error("modules use the index variable {" + name + "} for " +
                             std::to_string(at->second) + " and for " + std::to_string(count) + " values");
  }
  for (const Rule& one : module.rules_) rules_.push_back(placed(one, names));
  for (const Tied& tie : module.ties_) ties_.push_back({names.hf + tie.hf, names.hf + tie.same_as});
  for (const Ignored& one : module.ignored_)
    ignored_.push_back({one.glob.starts_with("*") ? one.glob : names.hf + one.glob, one.why});
  for (const Spelling& spelling : module.spellings_) {
    const std::string front = spelling.part.starts_with('.') ? "" : names.hf;
    spellings_.push_back({front + spelling.part, front + spelling.instead});
  }
  return *this;
}

}  // namespace mhub
