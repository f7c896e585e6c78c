// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mhub {

/// The state dict that a tensor is in, where a container has one for each rank and model chunk (Megatron's
/// `torch` format). Its parameters' names are the model's own there; a list of all ranks' tensors puts rank
/// and dict in front of them.
struct StateDict {
  std::string folder;  ///< of the rank: "mp_rank_00_001"
  std::string key;     ///< in the rank's file: "model", "model1" for virtual stage 1, kCarriedSection
  int chunk = 0;       ///< the virtual stage

  bool operator==(const StateDict&) const = default;
  /// "mp_rank_00_001/", "mp_rank_00_001/model1/"
  std::string prefix() const { return folder + (key == kModel ? "/" : "/" + key + "/"); }
  /// No part of the model: tensors that mhub keeps beside it.
  bool carried() const { return key == kCarriedSection; }

  static constexpr std::string_view kModel = "model";
  /// The key of a rank's top-level dict under which mhub keeps tensors that are not the model's.
  static constexpr std::string_view kCarriedSection = "hf";
};

/// A name in such a list without the prefix of its dict; without a dict the name itself.
inline std::string_view parameter_name(std::string_view name, const StateDict* dict) {
  return name.substr(dict == nullptr ? 0 : dict->prefix().size());
}

}  // namespace mhub
