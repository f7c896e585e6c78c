// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/canonical_state.hpp"

#include <algorithm>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub {
namespace {

std::string file_of(const StoredTensor& tensor, const std::string& fallback) {
  return tensor.chunks.empty() ? fallback : tensor.chunks[0].bytes->name();
}

void require_shape(const StoredTensor& tensor, const Shape& expected, const HfCheckpoint& checkpoint) {
  if (tensor.shape == expected) return;
  throw InputError(file_of(tensor, checkpoint.directory) + ": tensor " + tensor.name + " has shape " +
                   to_string(tensor.shape) + ", expected " + to_string(expected) + " from config.json");
}

void bind_ties(const Mapping& mapping, const HfCheckpoint& checkpoint,
               std::unordered_set<const StoredTensor*>& used, CanonicalState& state) {
  for (const Mapping::Tied& tie : mapping.ties()) {
    const StoredTensor* repeat = find_spelled(checkpoint.tensors, mapping, tie.hf);
    const StoredTensor* original = find_spelled(checkpoint.tensors, mapping, tie.same_as);
    if (repeat == nullptr || original == nullptr) continue;
    require_shape(*repeat, original->shape, checkpoint);
    if (repeat->dtype != original->dtype) {
      throw InputError(file_of(*repeat, checkpoint.directory) + ": tensor " + repeat->name + " is " +
                       std::string(torch_name(repeat->dtype)) + ", but it is tied to " + original->name +
                       ", which is " + std::string(torch_name(original->dtype)));
    }
    state.repeats.emplace_back(repeat, original);
    used.insert(repeat);
  }
}

/// Whether the experts of a layer lie together, as transformers 5 has them in memory.
bool has_stacked_experts(const TensorSource& source) {
  const auto& tensors = source.tensors();
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const StoredTensor& tensor) { return tensor.name.ends_with(".experts.down_proj"); });
}

}  // namespace

const StoredTensor* find_spelled(const TensorSource& tensors, const Mapping& mapping,
                                 const std::string& declared) {
  for (const std::string& one : mapping.names_of(declared)) {
    if (const StoredTensor* tensor = tensors.find(one)) return tensor;
  }
  return nullptr;
}

CanonicalState canonical_state(const HfCheckpoint& checkpoint) {
  Mapping mapping = declared_mapping(*checkpoint.model, checkpoint.config);
  if (!mapping.rest().empty())
    mapping = with_rest(std::move(mapping), listed(checkpoint.tensors), checkpoint.directory);
  ExpandedMapping expanded = expanded_mapping(mapping, checkpoint.config);
  if (has_stacked_experts(checkpoint.tensors)) {
    mapping = with_stacked_experts(mapping);
    expanded.import = expand(mapping).import;
  }
  CanonicalState state{std::move(expanded.canonical), std::move(expanded.import), {}, {}};

  std::unordered_set<const StoredTensor*> used;
  std::vector<const StateTensor*> missing;
  for (const StateTensor& wanted : state.to_canonical.source) {
    const StoredTensor* tensor = find_spelled(checkpoint.tensors, mapping, wanted.name);
    if (tensor == nullptr) {
      missing.push_back(&wanted);
      continue;
    }
    require_shape(*tensor, wanted.shape, checkpoint);
    used.insert(tensor);
    state.sources.push_back(tensor);
  }
  bind_ties(mapping, checkpoint, used, state);
  for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
    const bool ignored =
        std::any_of(mapping.ignored().begin(), mapping.ignored().end(),
                    [&](const Mapping::Ignored& one) { return glob_match(one.glob, tensor.name); });
    if (used.contains(&tensor) || ignored) continue;
    throw InputError(file_of(tensor, checkpoint.directory) + ": tensor " + tensor.name + " " +
                     to_string(tensor.shape) + " is not part of a " + checkpoint.model->class_name +
                     " with this config.json; nothing would read it, so nothing is converted");
  }
  if (!missing.empty()) {
    const std::string more = missing.size() > 1 ? " and " + std::to_string(missing.size() - 1) + " more" : "";
    throw InputError(checkpoint.directory + ": tensor " + missing[0]->name + " " +
                     to_string(missing[0]->shape) + more + " missing; config.json asks for it");
  }
  return state;
}

std::int64_t parameter_count(const CanonicalState& state) {
  std::int64_t count = 0;
  for (const StateTensor& tensor : state.to_canonical.source) count += numel(tensor.shape);
  return count;
}

}  // namespace mhub
