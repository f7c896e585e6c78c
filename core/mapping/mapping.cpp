// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/mapping.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"
#include "mhub/mapping/most_tensors.hpp"

namespace mhub {
namespace {

/// A name pattern with index variable "i" called otherwise: "{i}", "{i+3}", "{i/2}".
std::string with_index(std::string pattern, const std::string& index) {
  for (std::size_t at = pattern.find("{i"); at != std::string::npos; at = pattern.find("{i", at + 1)) {
    const char next = at + 2 < pattern.size() ? pattern[at + 2] : '\0';
    if (next == '}' || next == '+' || next == '/') pattern.replace(at + 1, 1, index);
  }
  return pattern;
}

std::string index_name(const std::string& variable, const std::string& index) {
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
    operand.stack_variable = index_name(operand.stack_variable, names.index);
  }
  rule.megatron = rule.megatron.starts_with(kCarriedPrefix)
                      ? std::string(kCarriedPrefix) + rule.transform.operands[0].name
                      : names.megatron + with_index(rule.megatron, names.index);
  std::map<std::string, std::vector<std::int64_t>> values;
  for (auto& [variable, allowed] : rule.values)
    values[index_name(variable, names.index)] = std::move(allowed);
  rule.values = std::move(values);
  return rule;
}

}  // namespace

Rule& Rule::only(const std::string& variable, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> allowed(static_cast<std::size_t>(std::max<std::int64_t>(0, end - begin)));
  std::iota(allowed.begin(), allowed.end(), begin);
  return only(variable, std::move(allowed));
}

Rule& Rule::only(const std::string& variable, std::vector<std::int64_t> allowed) {
  values[variable] = std::move(allowed);
  return *this;
}

Mapping& Mapping::index(const std::string& variable, std::int64_t count) {
  if (count < 0 || static_cast<std::size_t>(count) > kMostTensors)
    throw ConfigError("index variable {" + variable + "}: a count of " + std::to_string(count) +
                      ", which no model has");
  indices_[variable] = count;
  return *this;
}

Rule& Mapping::rule(std::string megatron, Transform transform) {
  return rules_.emplace_back(Rule{std::move(megatron), std::move(transform), {}, {}});
}

Mapping& Mapping::tied(std::string hf, std::string same_as) {
  ties_.push_back({std::move(hf), std::move(same_as)});
  return *this;
}

Mapping& Mapping::ignore(std::string glob, std::string why) {
  ignored_.push_back({std::move(glob), std::move(why)});
  return *this;
}

Mapping& Mapping::also_spelled(std::string part, std::string instead) {
  spellings_.push_back({std::move(part), std::move(instead)});
  return *this;
}

std::vector<std::string> Mapping::names_of(const std::string& declared) const {
  std::vector<std::string> names{declared};
  for (const auto& [part, instead] : spellings_) {
    const std::size_t at = part.starts_with('.')        ? declared.find(part)
                           : declared.starts_with(part) ? 0
                                                        : declared.npos;
    if (part.empty() || at == declared.npos) continue;
    names.push_back(declared.substr(0, at) + instead + declared.substr(at + part.size()));
  }
  return names;
}

std::vector<StateTensor> carried_tensors(const std::vector<CanonicalTensor>& canonical) {
  std::vector<StateTensor> carried;
  for (const CanonicalTensor& tensor : canonical) {
    if (tensor.identity.carried()) carried.push_back({tensor.identity.part, tensor.shape});
  }
  return carried;
}

Rule& Mapping::carried(const std::string& hf, const Shape& shape) {
  Transform transform = replicated(hf, shape);
  transform.kind = "carried";
  return rule(std::string(kCarriedPrefix) + hf, std::move(transform));
}

Mapping& Mapping::carry_rest(std::string prefix) {
  std::string megatron = std::string(kCarriedPrefix) + prefix;
  return keep_rest(std::move(prefix), std::move(megatron));
}

Mapping& Mapping::keep_rest(std::string prefix, std::string megatron) {
  rest_.push_back({std::move(prefix), std::move(megatron)});
  return *this;
}

Mapping with_rest(Mapping mapping, const std::vector<StateTensor>& stored, const std::string& where) {
  for (const Mapping::Rest& rest : mapping.rest()) {
    const std::vector<std::string> spelled = mapping.names_of(rest.hf);
    std::unordered_set<std::string> seen;  // in whichever spelling: the second one is not used
    for (const StateTensor& tensor : stored) {
      const auto begin = std::find_if(spelled.begin(), spelled.end(),
                                      [&](const std::string& one) { return tensor.name.starts_with(one); });
      if (begin == spelled.end()) continue;
      const std::string name = tensor.name.substr(begin->size());
      if (!seen.insert(name).second) continue;
      Transform transform = replicated(rest.hf + name, tensor.shape);
      if (rest.carried()) transform.kind = "carried";
      mapping.rule(rest.megatron + name, std::move(transform));
    }
    if (seen.empty()) {
      throw InputError(
          where + ": no tensor " + rest.hf +
          "* there, of a part that Megatron's model has no place for; where a checkpoint that it "
          "saved itself lost them, --hf-reference DIR with the original's weights gives them back");
    }
  }
  return mapping;
}

std::vector<StateTensor> rest_of(const Mapping& mapping, const std::vector<StateTensor>& stored) {
  std::vector<StateTensor> found;
  for (const StateTensor& tensor : stored) {
    for (const Mapping::Rest& rest : mapping.rest()) {
      if (!tensor.name.starts_with(rest.megatron)) continue;
      found.push_back({rest.hf + tensor.name.substr(rest.megatron.size()), tensor.shape});
      break;
    }
  }
  return found;
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
    const std::string name = index_name(variable, names.index);
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
  for (const Rest& rest : module.rest_)
    rest.carried() ? carry_rest(names.hf + rest.hf)
                   : keep_rest(names.hf + rest.hf, names.megatron + rest.megatron);
  return *this;
}

Mapping& Mapping::renamed(const std::string& part, const std::string& instead) {
  auto rename = [&](std::string& name) {
    if (name.starts_with(part)) name.replace(0, part.size(), instead);
  };
  for (Rule& one : rules_) {
    for (Operand& operand : one.transform.operands) rename(operand.name);
    if (one.megatron.starts_with(kCarriedPrefix))
      one.megatron = std::string(kCarriedPrefix) + one.transform.operands[0].name;
  }
  for (Tied& tie : ties_) {
    rename(tie.hf);
    rename(tie.same_as);
  }
  for (Ignored& one : ignored_) rename(one.glob);
  for (Spelling& spelling : spellings_) rename(spelling.part);
  for (Rest& rest : rest_) {
    rename(rest.hf);
    if (rest.carried()) rest.megatron = std::string(kCarriedPrefix) + rest.hf;
  }
  return *this;
}

}  // namespace mhub
