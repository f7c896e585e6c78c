// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

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

}  // namespace mhub
