// SPDX-License-Identifier: Apache-2.0
// A mapping with every index variable replaced by its values.
#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

#include "mhub/base/config_error.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/name_index.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/mapping/most_tensors.hpp"
#include "mhub/mapping/name_pattern.hpp"

namespace mhub {
namespace {

/// The index variables of a rule, by name, and the values of each.
struct IndexValues {
  std::vector<std::string> names;
  std::vector<std::vector<std::int64_t>> of;

  std::size_t find(const std::string& name) const {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }
};

IndexValues values_of(const Rule& rule, const std::map<std::string, std::int64_t>& indices,
                      std::vector<std::string>& problems) {
  std::set<std::string> names;
  for (std::string& name : variables(rule.megatron)) names.insert(std::move(name));
  for (const Operand& operand : rule.transform.operands) {
    for (std::string& name : variables(operand.name)) names.insert(std::move(name));
    if (!operand.stack_variable.empty()) names.insert(operand.stack_variable);
  }
  IndexValues values{{names.begin(), names.end()}, {}};
  for (const std::string& name : names) {
    std::vector<std::int64_t>& of = values.of.emplace_back();
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

/// Calls `visit` with every combination of values of index variables; the last one's change first.
template <typename Visit>
void for_combinations(const IndexValues& values, const Visit& visit) {
  const bool none =
      std::any_of(values.of.begin(), values.of.end(), [](const auto& of) { return of.empty(); });
  if (none) return;
  std::vector<std::size_t> at(values.of.size());
  std::vector<std::int64_t> some;
  for (const auto& of : values.of) some.push_back(of.front());
  for (;;) {
    visit(std::span<const std::int64_t>(some));
    std::size_t k = some.size();
    for (; k > 0; --k) {
      std::size_t& next = at[k - 1];
      next = next + 1 < values.of[k - 1].size() ? next + 1 : 0;
      some[k - 1] = values.of[k - 1][next];
      if (next != 0) break;
    }
    if (k == 0) return;
  }
}

/// How many tensors a mapping has. Throws ConfigError where that are more than kMostTensors: before any is
/// made.
std::size_t require_countable(const std::vector<IndexValues>& values,
                              const std::map<std::string, std::int64_t>& indices) {
  std::size_t tensors = 0;
  for (const IndexValues& rule : values) {
    std::size_t product = 1;
    for (const auto& of : rule.of)
      product = std::min(product * std::min(of.size(), kMostTensors + 1), kMostTensors + 1);
    tensors += product;
    if (tensors <= kMostTensors) continue;
    std::string ranges;
    for (const auto& [name, count] : indices)
      ranges += (ranges.empty() ? "{" : ", {") + name + "} up to " + std::to_string(count);
    throw ConfigError("more than " + std::to_string(kMostTensors) + " tensors (" + ranges +
                      "), which no model has: a count of layers or experts is wrong");
  }
  return tensors;
}

/// An operand of a rule, ready for many values of the rule's index variables.
struct ReadyOperand {
  ReadyOperand(const Operand& one, const IndexValues& values)
      : operand(one),
        pattern(one.name, values.names),
        stacked(!one.stack_variable.empty()),
        stack(values.find(one.stack_variable)),
        stride(stacked ? numel(one.shape) / one.shape[0] : 0) {}

  /// The boxes for one value of the stack variable: the same map, further into the stacked tensor.
  Box placed(const Box& box, std::span<const std::int64_t> values) const {
    Box moved = box;
    if (stacked) moved.source_offset += values[stack] * stride;
    return moved;
  }

  const Operand& operand;
  NamePattern pattern;
  bool stacked;
  std::size_t stack;
  std::int64_t stride;
};

std::int64_t unread_of(const Transform& transform) {
  std::int64_t elements = 0;
  for (const Box& box : transform.zeros) elements += element_count(box);
  for (const Operand& operand : transform.operands) {
    for (const Box& box : operand.fillers) elements += element_count(box);
  }
  return elements;
}

/// A mapping while it is expanded.
class Expansion {
 public:
  explicit Expansion(std::vector<std::string>& problems) : problems_(problems) {}

  void reserve(std::size_t tensors) {
    result_.canonical.reserve(tensors);
    result_.import.source.reserve(2 * tensors);
    result_.import.destination.reserve(tensors);
    result_.import.terms.reserve(tensors);
    sources_ = NameIndex(2 * tensors);
    names_ = NameIndex(tensors);
  }

  void add(const Rule& rule, const IndexValues& values) {
    const NamePattern pattern(rule.megatron, values.names);
    std::vector<ReadyOperand> operands;
    std::size_t boxes = 0;
    for (const Operand& operand : rule.transform.operands) {
      operands.emplace_back(operand, values);
      boxes += operand.boxes.size() + operand.fillers.size();
    }
    boxes += rule.transform.zeros.size();
    const std::int64_t unread = unread_of(rule.transform);
    for_combinations(values, [&](std::span<const std::int64_t> some) {
      const std::string name = pattern.name(some);
      std::vector<StateTensor>& made = result_.import.destination;
      const auto name_of = [&](std::uint32_t k) { return std::string_view(made[k].name); };
      if (names_.add(name, static_cast<std::uint32_t>(made.size()), name_of) != NameIndex::kNone)
        problems_.push_back("two rules make " + name);
      result_.canonical.push_back({identity_of(name), name, rule.transform.shape, rule.transform.partition,
                                   rule.dtype, rule.transform.local_partition, unread});
      made.push_back({name, rule.transform.shape});
      std::vector<Term>& terms = result_.import.terms.emplace_back();
      terms.reserve(boxes);
      for (const Box& box : rule.transform.zeros) terms.push_back({Term::kZero, box});
      for (const ReadyOperand& one : operands) {
        const std::size_t source = source_of(rule, one, some);
        for (const Box& box : one.operand.boxes)
          terms.push_back({source, one.placed(box, some), rule.transform.added});
        for (const Box& box : one.operand.fillers)
          terms.push_back({source, one.placed(box, some), rule.transform.added, Term::Kind::filler});
      }
    });
  }

  ExpandedMapping result() && { return std::move(result_); }

 private:
  std::size_t source_of(const Rule& rule, const ReadyOperand& one, std::span<const std::int64_t> values) {
    std::vector<StateTensor>& sources = result_.import.source;
    const Shape& shape = one.operand.shape;
    std::string name = one.pattern.name(values);
    const auto name_of = [&](std::uint32_t k) { return std::string_view(sources[k].name); };
    const std::uint32_t known = sources_.add(name, static_cast<std::uint32_t>(sources.size()), name_of);
    if (known == NameIndex::kNone) {
      sources.push_back({std::move(name), shape});
      return sources.size() - 1;
    }
    if (const Shape& other = sources[known].shape; other != shape) {
      problems_.push_back("rule " + rule.megatron + ": " + name + " is " + to_string(shape) + " here and " +
                          to_string(other) + " in another rule");
    }
    return known;
  }

  std::vector<std::string>& problems_;
  ExpandedMapping result_;
  NameIndex sources_, names_;  ///< and canonical ones
};

/// Expands as far as that makes sense.
ExpandedMapping expanded(const Mapping& mapping, std::vector<std::string>& problems) {
  std::vector<IndexValues> values;
  for (const Rule& rule : mapping.rules()) values.push_back(values_of(rule, mapping.indices(), problems));
  Expansion expansion(problems);
  expansion.reserve(require_countable(values, mapping.indices()));
  for (std::size_t r = 0; r < values.size(); ++r) expansion.add(mapping.rules()[r], values[r]);
  ExpandedMapping result = std::move(expansion).result();
  if (!problems.empty()) return result;
  try {
    check_destination_coverage(result.import, "mapping");
    check_source_coverage(result.import, "mapping");
  } catch (const InputError& error) {
    problems.emplace_back(error.what());
  }
  return result;
}

}  // namespace

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

}  // namespace mhub
