// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/formats/checkpoint.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {

// A Megatron state, whatever container it lies in: what a driver does to open one. All throw InputError.

/// What a folder of Megatron's says of itself beside its tensors.
struct MegatronFacts {
  nlohmann::json args = nlohmann::json::object();  ///< Megatron-LM's, plain values only
  std::string run_config;  ///< path of Megatron-Bridge's run_config.yaml; empty without one
};

/// How canonical tensors of a model with the given config lie in a checkpoint, found out from what is stored.
using StoredLayout = std::function<Layout(const std::vector<CanonicalTensor>&, const TransformerConfig&,
                                          const MegatronFacts&)>;

/// Opens the rest of a folder of Megatron's whose directory, ranks and tensors are set: `common` is the dict
/// beside the tensors, or nullptr. Finds the model as open_checkpoint says and binds the state.
void take_megatron_state(Checkpoint& checkpoint, const PickleNode* common, const OpenOptions& options,
                         const StoredLayout& layout);

/// Takes the names of wrapper modules off all parameters.
void strip_wrappers(TensorSource& tensors);

/// Finds out which Hugging Face model a checkpoint holds; `unknown_model` says why where nothing does.
void identify_checkpoint(Checkpoint& checkpoint, const MegatronFacts& facts, const OpenOptions& options);

/// Takes a Hugging Face config and its model.
void take_config(Checkpoint& checkpoint, const ConfigReader& config);

/// Binds the tensors of a checkpoint whose model is known: inverts the layout in which they are stored. Every
/// stored tensor must belong to it. Carried tensors that the checkpoint has lost come from its reference.
void bind_megatron_state(Checkpoint& checkpoint, const StoredLayout& layout, const MegatronFacts& facts = {});

}  // namespace mhub
