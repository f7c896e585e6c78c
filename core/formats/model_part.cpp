// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/model_part.hpp"

#include <unordered_map>

#include "mhub/formats/hf/hf_state.hpp"

namespace mhub {
namespace {

/// The place of the carried tensor that the part's mapping calls so, by any name that it allows.
std::optional<std::size_t> find_carried(const std::unordered_map<std::string, std::size_t>& carried,
                                        const Mapping& mapping, const std::string& declared) {
  if (const auto at = carried.find(declared); at != carried.end()) return at->second;
  for (const std::string& spelled : mapping.names_of(declared)) {
    if (const auto at = carried.find(spelled); at != carried.end()) return at->second;
  }
  return std::nullopt;
}

/// What the whole carries under these names, as the state that the part's mapping declares. `used` gets the
/// names of that.
StateMap carried_part(const StateMap& whole, const std::string& names, const Mapping& mapping,
                      const std::vector<StateTensor>& wanted, std::vector<std::string>& used) {
  const std::string prefix = std::string(kCarriedPrefix) + names;
  std::unordered_map<std::string, std::size_t> carried;
  for (std::size_t d = 0; d < whole.destination.size(); ++d) {
    const std::string& name = whole.destination[d].name;
    if (!name.starts_with(prefix)) continue;
    carried.emplace(name.substr(prefix.size()), d);
    if (is_ignored(mapping, name.substr(prefix.size()))) used.push_back(name);
  }
  StateMap part{whole.source, {}, {}};
  for (const StateTensor& tensor : wanted) {
    const auto at = find_carried(carried, mapping, tensor.name);
    if (!at) continue;  // compose() says which one is missing
    part.destination.push_back({tensor.name, whole.destination[*at].shape});
    part.terms.push_back(whole.terms[*at]);
    used.push_back(whole.destination[*at].name);
  }
  return part;
}

}  // namespace

ModelPart part_of(const Checkpoint& whole, const ModelDescriptor& model, const ConfigReader& config,
                  const std::string& names) {
  const Mapping mapping = declared_mapping(model, config);
  ExpandedMapping expanded = expanded_mapping(mapping, config);
  ModelPart result;
  Checkpoint& part = result.checkpoint;
  part.path = whole.path;
  part.model = &model;
  part.config = config;
  part.transformer = megatron_config(model, config);
  part.state.tensors = std::move(expanded.canonical);
  part.state.to_canonical =
      compose(carried_part(whole.state.to_canonical, names, mapping, expanded.import.source, result.tensors),
              expanded.import, whole.path);
  part.state.sources = whole.state.sources;
  return result;
}

}  // namespace mhub
