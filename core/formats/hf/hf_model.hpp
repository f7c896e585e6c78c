// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "mhub/plugin/plugin.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// Runs a descriptor's function of a config; an InputError for a config that contradicts itself (ConfigError)
/// names the file.
TransformerConfig megatron_config(const ModelDescriptor& model, const ConfigReader& config);
Mapping declared_mapping(const ModelDescriptor& model, const ConfigReader& config);
ExpandedMapping expanded_mapping(const Mapping& mapping, const ConfigReader& config);
/// The config as plugins see it: of the decoded weights, with what their names say.
ConfigReader completed_config(const ModelDescriptor& model, const ConfigReader& config,
                              const TensorSource& tensors);

/// The tensor of that declared name, by any name that the mapping allows; nullptr without one.
const StoredTensor* find_spelled(const TensorSource& tensors, const Mapping& mapping,
                                 const std::string& declared);

/// Names and shapes of what is stored.
std::vector<StateTensor> listed(const TensorSource& tensors);

}  // namespace mhub
