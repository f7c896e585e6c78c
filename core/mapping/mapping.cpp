// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/mapping.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// No model has as many tensors (DeepSeek-V3 has 30,000, Kimi-K2 46,000, of layers x experts) or layers; a
/// config that claims more must not make us list them, which takes some 4 KB of memory each.
constexpr std::size_t kMostTensors = 1 << 17;

using IndexValues = std::map<std::string, std::vector<std::int64_t>>;

/// The values of each of a rule's index variables.
IndexValues values_of(const Rule& rule, const std::map<std::string, std::int64_t>& indices,
                      std::vector<std::string>& problems) {
  std::set<std::string> names;
  for (std::string& name : variables(rule.megatron)) names.insert(std::move(name));
  for (const Operand& operand : rule.transform.operands) {
    for (std::string& name : variables(operand.name)) names.insert(std::move(name));
    if (!operand.stack_variable.empty()) names.insert(operand.stack_variable);
  }
  IndexValues values;
  for (const std::string& name : names) {
    std::vector<std::int64_t>& of = values[name];
    if (const auto given = rule.values.find(name); given != rule.values.end()) {
      of = given->second;
    } else if (const auto count = indices.find(name); count != indices.end()) {
      of.resize(static_cast<std::size_t>(count->second));
      std::iota(of.begin(), of.end(), 0);
    } else {
      problems.push_back("rule " + rule.megatron + ": index variable {" + name + "} has no range");
    }
  }
  return values;
}

/// Every combination of values of index variables.
std::vector<Bindings> combinations_of(const IndexValues& values) {
  std::vector<Bindings> combinations{{}};
  for (const auto& [name, of] : values) {
    std::vector<Bindings> next;
    for (const Bindings& some : combinations) {
      for (const std::int64_t value : of) next.emplace_back(some)[name] = value;
    }
    combinations = std::move(next);
  }
  return combinations;
}

/// Throws ConfigError where a mapping has more tensors than kMostTensors: before any is made.
void require_countable(const std::vector<IndexValues>& values,
                       const std::map<std::string, std::int64_t>& indices) {
  std::size_t tensors = 0;
  for (const IndexValues& rule : values) {
    std::size_t product = 1;
    for (const auto& [name, of] : rule)
      product = std::min(product * std::min(of.size(), kMostTensors + 1), kMostTensors + 1);
    tensors += product;
    if (tensors <= kMostTensors) continue;
    std::string ranges;
    for (const auto& [name, count] : indices)
      ranges += (ranges.empty() ? "{" : ", {") + name + "} up to " + std::to_string(count);
    throw ConfigError("more than " + std::to_string(kMostTensors) + " tensors (" + ranges +
                      "), which no model has: a count of layers or experts is wrong");
  }
}

/// The boxes of an operand for one value of its stack variable: the same map, further into the stacked
/// tensor.
std::vector<Box> placed_boxes(const Operand& operand, const Bindings& bindings) {
  std::vector<Box> boxes = operand.boxes;
  if (operand.stack_variable.empty()) return boxes;
  const std::int64_t size = numel(operand.shape) / operand.shape[0];
  for (Box& box : boxes) box.source_offset += bindings.at(operand.stack_variable) * size;
  return boxes;
}

/// Expands as far as that makes sense.
ExpandedMapping expanded(const Mapping& mapping, std::vector<std::string>& problems) {
  ExpandedMapping result;
  std::vector<StateTensor>& sources = result.import.source;
  std::unordered_map<std::string, std::size_t> positions;  // of sources, by name
  const auto source_of = [&](const Rule& rule, const Operand& operand, const Bindings& bindings) {
    const auto [at, fresh] = positions.emplace(substitute(operand.name, bindings), sources.size());
    if (fresh) {
      sources.push_back({at->first, operand.shape});
    } else if (const Shape& other = sources[at->second].shape; other != operand.shape) {
      problems.push_back("rule " + rule.megatron + ": " + at->first + " is " + to_string(operand.shape) +
                         " here and " + to_string(other) + " in another rule");
    }
    return at->second;
  };
  std::vector<IndexValues> values;
  for (const Rule& rule : mapping.rules()) values.push_back(values_of(rule, mapping.indices(), problems));
  require_countable(values, mapping.indices());
  std::unordered_set<std::string> names;
  for (std::size_t r = 0; r < values.size(); ++r) {
    const Rule& rule = mapping.rules()[r];
    for (const Bindings& bindings : combinations_of(values[r])) {
      const std::string name = substitute(rule.megatron, bindings);
      if (!names.insert(name).second) problems.push_back("two rules make " + name);
      result.canonical.push_back({identity_of(name), name, rule.transform.shape, rule.transform.partition,
                                  rule.dtype, rule.transform.local_partition});
      result.import.destination.push_back({name, rule.transform.shape});
      std::vector<Term>& terms = result.import.terms.emplace_back();
      for (const Operand& operand : rule.transform.operands) {
        const std::size_t source = source_of(rule, operand, bindings);
        for (Box& box : placed_boxes(operand, bindings))
          terms.push_back({source, std::move(box), rule.transform.added});
      }
    }
  }
  if (!problems.empty()) return result;
  try {
    check_destination_coverage(result.import, "mapping");
    check_source_coverage(result.import, "mapping");
  } catch (const InputError& error) {
    problems.emplace_back(error.what());
  }
  return result;
}

/// A name pattern with index variable "i" called otherwise: "{i}", "{i+3}".
std::string with_index(std::string pattern, const std::string& index) {
  for (std::size_t at = pattern.find("{i"); at != std::string::npos; at = pattern.find("{i", at + 1)) {
    const char next = at + 2 < pattern.size() ? pattern[at + 2] : '\0';
    if (next == '}' || next == '+') pattern.replace(at + 1, 1, index);
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

ExpandedMapping expand(const Mapping& mapping) {
  std::vector<std::string> problems;
  ExpandedMapping result = expanded(mapping, problems);
  if (!problems.empty()) throw std::logic_error(problems.front());
  return result;
}

std::vector<std::string> contradictions(const Mapping& mapping) {
  std::vector<std::string> problems;
  expanded(mapping, problems);
  return problems;
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
