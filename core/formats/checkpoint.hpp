// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mhub/base/file_set.hpp"
#include "mhub/formats/canonical_state.hpp"
#include "mhub/formats/hf/hf_checkpoint.hpp"
#include "mhub/formats/megatron/megatron_checkpoint.hpp"

namespace mhub {

/// A checkpoint of any kind together with what it takes to see it as the canonical state. Movable; owns
/// everything that its state borrows.
struct Checkpoint {
  std::string path;
  std::unique_ptr<HfCheckpoint> hf;  ///< one of these two
  std::unique_ptr<MegatronCheckpoint> megatron;
  /// The reference of a Megatron checkpoint, if it has weights: it names the model, and has what Megatron
  /// lost.
  std::unique_ptr<HfCheckpoint> reference;
  bool archive = false;                    ///< read from an HDF5 archive of the one state or the other
  const ModelDescriptor* model = nullptr;  ///< nullptr: a Megatron checkpoint that does not say what it is
  std::optional<ConfigReader> config;  ///< the Hugging Face config, also of a converted Megatron checkpoint
  std::optional<TransformerConfig> transformer;
  CanonicalState state;                  ///< empty without a model
  nlohmann::json manifest;               ///< mhub's manifest; null for checkpoints from elsewhere
  std::string manifest_folder;           ///< where it lies: the root of what mhub wrote
  std::shared_ptr<const FileSet> files;  ///< where the tokenizer's files are; also generation_config.json
  std::string unknown_model;             ///< why there is no model
  std::vector<std::string> notes;        ///< what had to be assumed about the model, for people

  const TensorSource& tensors() const { return hf ? hf->tensors : megatron->tensors; }
  /// hf, torch_dist, torch or hdf5.
  std::string kind() const { return archive ? "hdf5" : hf ? "hf" : megatron->format; }
};

/// What helps with a Megatron checkpoint that does not say which Hugging Face model it is.
struct OpenOptions {
  const Checkpoint* like = nullptr;  ///< take model and config from here where the checkpoint has none
  /// A Hugging Face folder (or config.json) whose config counts above all. Where it has weights, tensors that
  /// Megatron's model has no place for and that a trained checkpoint therefore lacks come from there.
  std::string hf_reference;
  std::string hf_class;  ///< the class to take where several build the same function
};

/// Opens what is at `path`: a Hugging Face folder, a Megatron checkpoint (root, iter_* or release folder) or
/// an HDF5 archive of either state. A Megatron checkpoint's model comes from the reference, its manifest,
/// `like`, or from what run_config.yaml or args describe, in this order.
Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options = {});

/// The generation_config.json that belongs to a checkpoint, from beside it or from its manifest; null without
/// one.
nlohmann::json generation_config(const Checkpoint& checkpoint);

}  // namespace mhub
