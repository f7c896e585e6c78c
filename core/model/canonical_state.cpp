#include "mhub/model/canonical_state.hpp"

#include <algorithm>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/model/moe_rules.hpp"

namespace mhub {
namespace {

std::string file_of(const StoredTensor& tensor, const std::string& fallback) {
  return tensor.chunks.empty() ? fallback : tensor.chunks[0].bytes->name();
}

/// Looks tensors up by any name that the mapping allows.
class Lookup {
 public:
  Lookup(const TensorSource& source, const Mapping& mapping) : source_(source), mapping_(mapping) {}

  const StoredTensor* find(const std::string& name) const {
    for (const std::string& one : mapping_.names_of(name)) {
      if (const StoredTensor* tensor = source_.find(one)) return tensor;
    }
    return nullptr;
  }

 private:
  const TensorSource& source_;
  const Mapping& mapping_;
};

void require_shape(const StoredTensor& tensor, const Shape& expected, const HfCheckpoint& checkpoint) {
  if (tensor.shape == expected) return;
  throw InputError(file_of(tensor, checkpoint.directory) + ": tensor " + tensor.name + " has shape " +
                   to_string(tensor.shape) + ", expected " + to_string(expected) + " from config.json");
}

void bind_ties(const Mapping& mapping, const Lookup& lookup, const HfCheckpoint& checkpoint,
               std::unordered_set<const StoredTensor*>& used, CanonicalState& state) {
  for (const Mapping::Tied& tie : mapping.ties()) {
    const StoredTensor* repeat = lookup.find(tie.hf);
    const StoredTensor* original = lookup.find(tie.same_as);
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

CanonicalState canonical_state(const HfCheckpoint& checkpoint) {
  Mapping mapping = with_rest(declared_mapping(*checkpoint.model, checkpoint.config),
                              listed(checkpoint.tensors), checkpoint.directory);
  ExpandedMapping expanded = expanded_mapping(mapping, checkpoint.config);
  if (has_stacked_experts(checkpoint.tensors)) {
    mapping = with_stacked_experts(mapping);
    expanded.import = expand(mapping).import;
  }
  const Lookup lookup(checkpoint.tensors, mapping);
  CanonicalState state{std::move(expanded.canonical), std::move(expanded.import), {}, {}};

  std::unordered_set<const StoredTensor*> used;
  std::vector<const StateTensor*> missing;
  for (const StateTensor& wanted : state.to_canonical.source) {
    const StoredTensor* tensor = lookup.find(wanted.name);
    if (tensor == nullptr) {
      missing.push_back(&wanted);
      continue;
    }
    require_shape(*tensor, wanted.shape, checkpoint);
    used.insert(tensor);
    state.sources.push_back(tensor);
  }
  bind_ties(mapping, lookup, checkpoint, used, state);
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
