#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mhub/model/canonical_state.hpp"
#include "mhub/model/hf_checkpoint.hpp"
#include "mhub/model/megatron_checkpoint.hpp"

namespace mhub {

/// A checkpoint of any kind together with what it takes to see it as the canonical state. Movable; owns
/// everything that its state borrows.
struct Checkpoint {
  std::string path;
  std::unique_ptr<HfCheckpoint> hf;  ///< one of these two
  std::unique_ptr<MegatronCheckpoint> megatron;
  const ModelDescriptor* model = nullptr;  ///< nullptr: a Megatron checkpoint that does not say what it is
  std::optional<ConfigReader> config;  ///< the Hugging Face config, also of a converted Megatron checkpoint
  std::optional<TransformerConfig> transformer;
  CanonicalState state;  ///< empty without a model

  const TensorSource& tensors() const { return hf ? hf->tensors : megatron->tensors; }
  std::string kind() const { return hf ? "hf" : megatron->format; }
};

/// Opens what is at `path`: a Hugging Face folder or a Megatron checkpoint (root, iter_* or release folder).
/// A Megatron checkpoint that carries no manifest takes model and config from `like`, when given.
Checkpoint open_checkpoint(const std::string& path, const Checkpoint* like = nullptr);

}  // namespace mhub
