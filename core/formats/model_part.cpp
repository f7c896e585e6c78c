// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/model_part.hpp"

#include "mhub/formats/hf/hf_state.hpp"

namespace mhub {
namespace {

/// What the whole carries under these names, as tensors of the part's Hugging Face state.
StateMap carried_part(const StateMap& whole, const std::string& names) {
  const std::string prefix = std::string(kCarriedPrefix) + names;
  StateMap part{whole.source, {}, {}};
  for (std::size_t d = 0; d < whole.destination.size(); ++d) {
    if (!whole.destination[d].name.starts_with(prefix)) continue;
    part.destination.push_back({whole.destination[d].name.substr(prefix.size()), whole.destination[d].shape});
    part.terms.push_back(whole.terms[d]);
  }
  return part;
}

}  // namespace

Checkpoint part_of(const Checkpoint& whole, const ModelDescriptor& model, const ConfigReader& config,
                   const std::string& names) {
  ExpandedMapping expanded = expanded_mapping(declared_mapping(model, config), config);
  Checkpoint part;
  part.path = whole.path;
  part.model = &model;
  part.config = config;
  part.transformer = megatron_config(model, config);
  part.state.tensors = std::move(expanded.canonical);
  part.state.to_canonical =
      compose(carried_part(whole.state.to_canonical, names), expanded.import, whole.path);
  part.state.sources = whole.state.sources;
  return part;
}

}  // namespace mhub
