// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "mhub/config/transformer_config.hpp"
#include "mhub/formats/canonical_state.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// An opened Megatron checkpoint of either format.
struct MegatronCheckpoint {
  std::string directory;  ///< what holds the tensors: .../release, .../iter_0000100, or an archive's path
  std::string format;     ///< torch_dist, torch; hdf5: an archive of the canonical state
  TensorSource tensors;
  std::vector<std::string> ranks;  ///< torch: rank folders
  std::shared_ptr<PickleArena> arena;
  const PickleNode* common = nullptr;  ///< args, iteration ...; may be nullptr
  nlohmann::json args;                 ///< Megatron-LM's args, plain values only; empty object without args
  std::string run_config;              ///< path of Megatron-Bridge's run_config.yaml; empty without one
  std::size_t training_tensors = 0;    ///< optimizer state and the like, not opened (torch_dist)
};

/// True when the path is a Megatron checkpoint: its root (with a tracker file), or an iter_* or release
/// folder.
bool is_megatron_checkpoint(const std::string& path);
MegatronCheckpoint open_megatron_checkpoint(const std::string& path);

/// What the checkpoint itself says that its model is: run_config.yaml, else args; nothing without either.
/// Throws InputError where they cannot be understood.
std::optional<TransformerConfig> described_model(const MegatronCheckpoint& checkpoint);

/// How the checkpoint of a model with these canonical tensors is laid out.
LayoutRequest layout_request(const MegatronCheckpoint& checkpoint,
                             const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config);

/// Tensors that Megatron's model has no place for and that travel in the checkpoint (kCarriedPrefix).
std::vector<StateTensor> carried_tensors(const MegatronCheckpoint& checkpoint);

/// Finds a carried tensor, by its Hugging Face name, elsewhere; nullptr where it is not.
using CarriedElsewhere = std::function<const StoredTensor*(const std::string& hf_name)>;

/// The checkpoint seen as the given canonical state: finds out how it is laid out (sizes, names, padding)
/// from what is stored and inverts that layout. Every stored tensor must belong to it. Carried tensors that
/// the checkpoint has lost come from `elsewhere`. Throws InputError naming the tensor.
CanonicalState canonical_state(const MegatronCheckpoint& checkpoint,
                               const std::vector<CanonicalTensor>& canonical, const TransformerConfig& config,
                               const CarriedElsewhere& elsewhere);

}  // namespace mhub
