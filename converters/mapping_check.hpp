// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"

namespace mhub::converters {

/// What trying out a model class on one config found.
struct MappingCheck {
  std::int64_t hf_tensors = 0, megatron_tensors = 0, elements = 0;
  std::vector<std::string> problems;  ///< one sentence each; empty: the class is sound for this config
};

/// Tries out a class without any weights: its mapping covers every element of both sides once; random data
/// that goes from Hugging Face to Megatron and back comes out bit for bit; the config.json that export writes
/// builds the same function again. Of tensors that are mapped alike (the layers' attentions), data goes
/// through the first; of large tensors, through windows of them. Throws InputError for a config that the
/// class refuses.
MappingCheck check_mapping(const ModelDescriptor& model, const ConfigReader& config);

}  // namespace mhub::converters
