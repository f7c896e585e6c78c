// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mhub/formats/hf/hf_checkpoint.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// A checkpoint of any kind seen as Megatron's canonical state: which canonical tensors there are and how
/// each is made of the stored ones. Borrowed pointers: the checkpoint must outlive it.
struct CanonicalState {
  std::vector<CanonicalTensor> tensors;      ///< parallel to to_canonical.destination
  StateMap to_canonical;                     ///< stored state -> canonical state
  std::vector<const StoredTensor*> sources;  ///< parallel to to_canonical.source

  /// Stored tensors that must hold the same bytes: (repeats, original).
  std::vector<std::pair<const StoredTensor*, const StoredTensor*>> repeats;
};

/// The tensor of that declared name, by any name that the mapping allows; nullptr without one.
const StoredTensor* find_spelled(const TensorSource& tensors, const Mapping& mapping,
                                 const std::string& declared);

/// Binds a Hugging Face checkpoint's tensors to its mapping. Every tensor must be used by a rule, repeat
/// another one or be ignored by name; every tensor that a rule needs must be there in the shape that the
/// config implies. Throws InputError that names the file, the tensor and both shapes.
CanonicalState canonical_state(const HfCheckpoint& checkpoint);

/// Parameters of the model, tied weights counted once.
std::int64_t parameter_count(const CanonicalState& state);

}  // namespace mhub
