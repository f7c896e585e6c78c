// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/whole_model.hpp"

namespace mhub {

/// The canonical state of a GPTModel that carries the rest of its model, seen as the state of the whole
/// (WholeModel).
struct WholeState {
  std::vector<CanonicalTensor> tensors;  ///< parallel to map.destination
  StateMap map;                          ///< the GPTModel's canonical state -> this one
};
/// Throws InputError, which begins with `where`, when a tensor of the whole is not carried or has another
/// shape.
WholeState whole_state(const WholeModel& whole, const std::vector<CanonicalTensor>& gpt,
                       const std::string& where);

/// Whether parameters have the names of such a model, which has a module for the decoder.
bool named_as_whole(const std::vector<StateTensor>& stored);

/// The Hugging Face tensors of which a checkpoint of the whole, which has the parameters `stored`, holds the
/// parts beside the decoder.
std::vector<StateTensor> tensors_of_parts(const WholeModel& whole, const std::vector<StateTensor>& stored,
                                          const std::string& where);

}  // namespace mhub
