// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "mhub/mapping/mapping.hpp"

namespace mhub {

/// Megatron-Bridge's model of a whole of which a GPTModel is the decoder alone (Qwen3VLModel, Gemma3VLModel).
/// The decoder is its module "language_model" (kDecoderModule); beside it stand tensors that the GPTModel's
/// checkpoint carries. A checkpoint's canonical state is the GPTModel's in either case, as a HybridModel's
/// is: how the whole spells it is a layout's business (megatron/whole_state.hpp).
struct WholeModel {
  /// Megatron's tensors beside the decoder, made of the carried ones. What it does not mention stays carried.
  Mapping parts;
  /// What run_config.yaml says of the model beside the decoder's fields.
  nlohmann::json provider = nlohmann::json::object();
  /// The class's other provider, where that builds this model; empty: the first.
  std::string bridge_provider = {};
};

}  // namespace mhub
