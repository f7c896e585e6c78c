// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/file_set.hpp"
#include "mhub/config/config_binding.hpp"
#include "mhub/config/transformer_config.hpp"
#include "mhub/hub/source.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/megatron/pipeline_split.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

class Format;

/// A checkpoint of any kind seen as Megatron's canonical state: which canonical tensors there are and how
/// each is made of the stored ones. Borrowed pointers: the checkpoint must outlive it.
struct CanonicalState {
  std::vector<CanonicalTensor> tensors;      ///< parallel to to_canonical.destination
  StateMap to_canonical;                     ///< stored state -> canonical state
  std::vector<const StoredTensor*> sources;  ///< parallel to to_canonical.source

  /// Stored tensors that must hold the same bytes: (repeats, original).
  std::vector<std::pair<const StoredTensor*, const StoredTensor*>> repeats;
};

/// Whose names and shapes stored tensors have.
enum class StateNames { hugging_face, megatron };

/// A checkpoint of any format: what was found at a path, its tensors, and what it takes to see them as the
/// canonical state. Movable; owns everything that its state borrows.
/// How a Megatron checkpoint came about, as far as it says.
struct MegatronOrigin {
  std::string writer;     ///< "mhub 0.2.0", "Megatron-Bridge", "Megatron-LM"; empty: nothing tells
  std::string iteration;  ///< "100", "release"; empty: the folder's name does not say
  /// Of the job that saved it, or, of a format with files of ranks, as they lie.
  std::optional<ParallelSizes> sizes;
  std::optional<std::int64_t> padded_vocab_size;
  bool optimizer = false;                 ///< an optimizer's state is there, which mhub does not read
  bool args = false, run_config = false;  ///< Megatron-LM's description of the model, Megatron-Bridge's
};

struct Checkpoint {
  std::string path;
  const Format* format = nullptr;  ///< the driver that opened it
  std::string directory;           ///< what holds the tensors: the path, or .../release, .../iter_0000100
  StateNames names = StateNames::hugging_face;
  std::vector<std::string> ranks;  ///< the folders of ranks, in formats that have them
  TensorSource tensors;
  std::shared_ptr<const FileSet> files;  ///< where the tokenizer's files are; also generation_config.json

  const ModelDescriptor* model = nullptr;  ///< nullptr: a checkpoint that does not say what it is
  std::string unknown_model;               ///< why there is no model
  std::optional<ConfigReader> config;      ///< the Hugging Face config, also of a Megatron checkpoint
  std::optional<TransformerConfig> transformer;
  std::vector<std::string> notes;  ///< what had to be assumed about the model, for people
  CanonicalState state;            ///< empty without a model

  std::optional<MegatronOrigin> origin;  ///< of a folder of Megatron's
  nlohmann::json manifest;               ///< mhub's manifest; null for checkpoints from elsewhere
  std::string manifest_folder;  ///< where it lies: the root of what mhub wrote; empty inside an archive
  /// A model that is still coming into the cache: whoever has read it asks whether all of it came right.
  std::shared_ptr<ArrivingModel> arriving;
  /// The Hugging Face folder that was named beside a Megatron checkpoint, if it has weights: it names the
  /// model, and has what Megatron lost. Not bound to a state of its own.
  std::shared_ptr<const Checkpoint> reference;
};

/// What helps with a Megatron checkpoint that does not say which Hugging Face model it is.
struct OpenOptions {
  const Checkpoint* like = nullptr;  ///< take model and config from here where the checkpoint has none
  /// A Hugging Face folder (or config.json) whose config counts above all. Where it has weights, tensors that
  /// Megatron's model has no place for and that a trained checkpoint therefore lacks come from there.
  std::string hf_reference = {};
  std::string hf_class = {};  ///< the class to take where several build the same function
  /// Folder of a Megatron root, "iter_0000100" or "release"; empty: the one that its tracker file names.
  std::string iteration = {};
  /// How much of a model of the Hub is needed, and who watches while it comes.
  SourceUse use = SourceUse::model;
  Callbacks callbacks = {};
};

/// Opens what `source` names (hub/source.hpp): a path, in any of the formats (format.hpp), or a model of the
/// Hub, which is downloaded unless the cache has it. A Megatron checkpoint's model comes
/// from the reference, its manifest, `like`, or from what run_config.yaml or args describe, in this order.
/// Throws InputError, which says what lies there where it is recognised but not supported, IoError, and
/// UsageError for a reference or class beside a checkpoint that says itself what it is.
Checkpoint open_checkpoint(const std::string& source, const OpenOptions& options = {});

/// Opens two checkpoints that are to be compared: either may be the one that knows the model, and one alone
/// may need the reference.
std::pair<Checkpoint, Checkpoint> open_both(const std::string& left, const std::string& right,
                                            const OpenOptions& options = {});

/// The generation_config.json that belongs to a checkpoint, from beside it or from its manifest; null without
/// one.
nlohmann::json generation_config(const Checkpoint& checkpoint);

// For drivers.

/// Loads the manifest of a folder that mhub wrote; it lies in the root, which is the folder itself or, for a
/// Megatron checkpoint's iteration folder, the one above.
void load_manifest(Checkpoint& checkpoint, const std::string& folder);

/// config.json of a set of files.
ConfigReader read_config_json(const FileSet& files);

}  // namespace mhub
