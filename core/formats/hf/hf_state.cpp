// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_state.hpp"

#include <algorithm>
#include <unordered_set>

#include "mhub/base/error.hpp"
#include "mhub/formats/hf/hf_model.hpp"
#include "mhub/formats/hf/quantization.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub {
namespace {

std::string file_of(const StoredTensor& tensor, const std::string& fallback) {
  return tensor.chunks.empty() ? fallback : tensor.chunks[0].bytes->name();
}

void require_shape(const StoredTensor& tensor, const Shape& expected, const Checkpoint& checkpoint) {
  if (tensor.shape == expected) return;
  throw InputError(file_of(tensor, checkpoint.directory) + ": tensor " + tensor.name + " has shape " +
                   to_string(tensor.shape) + ", expected " + to_string(expected) + " from config.json");
}

void bind_ties(const Mapping& mapping, const Checkpoint& checkpoint,
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

CanonicalState canonical_state(const Checkpoint& checkpoint) {
  Mapping mapping = declared_mapping(*checkpoint.model, *checkpoint.config);
  if (!mapping.rest().empty())
    mapping = with_rest(std::move(mapping), listed(checkpoint.tensors), checkpoint.directory);
  ExpandedMapping expanded = expanded_mapping(mapping, *checkpoint.config);
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

}  // namespace

void describe_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files) {
  checkpoint.directory = checkpoint.path;
  checkpoint.files = std::move(files);
  checkpoint.config = read_config_json(*checkpoint.files);
  checkpoint.model = &PluginRegistry::instance().find(*checkpoint.config);
}

void take_hf_tensors(Checkpoint& checkpoint, TensorSource tensors) {
  checkpoint.tensors = decoded_weights(std::move(tensors), *checkpoint.config);
  checkpoint.config = completed_config(*checkpoint.model, *checkpoint.config, checkpoint.tensors);
}

void bind_hf_state(Checkpoint& checkpoint) {
  checkpoint.transformer = megatron_config(*checkpoint.model, *checkpoint.config);
  checkpoint.state = canonical_state(checkpoint);
}

}  // namespace mhub
