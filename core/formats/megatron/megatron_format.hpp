// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/formats/format.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/store/pickle/value.hpp"

namespace mhub {

/// The file in a root that says which iteration is the newest.
inline constexpr const char* kTracker = "latest_checkpointed_iteration.txt";

/// The folder of an iteration in a root: "iter_0000100", or "release" without a number.
std::string iteration_folder(const std::optional<std::int64_t>& iteration);

/// The folders of iterations in a root, "iter_0000005, iter_0000010, release"; empty where there are none.
std::string listed_iterations(const std::string& root);

/// The iteration folder that a path means: itself where tensors lie in it, else the one that its tracker file
/// names, else itself again; empty for what is no folder, and for a Hugging Face folder, which is one
/// whatever else lies in it. Throws InputError for a tracker file that cannot be read as such.
std::filesystem::path megatron_folder(const std::string& path);

/// A model as the target's Megatron class sees it, and how it is laid out.
struct MegatronModel {
  TransformerConfig config;
  std::shared_ptr<const std::vector<CanonicalTensor>> tensors;  ///< or the source's own
  LayoutRequest request;
  MegatronTarget target;
};

/// What the folder formats of Megatron differ in.
struct MegatronDialect {
  std::string_view name;
  bool (*is_in)(const std::string& folder);
  /// Opens what is in a checkpoint's directory: takes its tensors and ranks, and returns the dict beside
  /// them, or nullptr.
  std::shared_ptr<const PickleNode> (*open)(Checkpoint& checkpoint);
  std::int64_t vocab_divisible_by;  ///< where the caller does not say
  Layout (*layout)(const std::vector<CanonicalTensor>&, const LayoutRequest&);
  /// The sink for an iteration's folder; it may borrow the model.
  std::unique_ptr<TensorSink> (*sink)(const MegatronModel& model, const std::string& folder,
                                      const CopyPlan& plan, OutputMode mode);
  bool distributed = false;  ///< MegatronTarget::distributed
};

/// A format of Megatron's: a root with a tracker file and folders of iterations, which have tensors,
/// run_config.yaml and the tokenizer.
class MegatronFormat final : public Format {
 public:
  explicit MegatronFormat(const MegatronDialect& dialect) : dialect_(dialect) {}
  std::string_view name() const override { return dialect_.name; }
  bool probe(const std::string& path) const override;
  void open(Checkpoint& checkpoint, const OpenOptions& options) const override;
  std::shared_ptr<const FileSet> files(const std::string& path) const override;
  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override;
  bool shared() const override { return true; }

 private:
  MegatronDialect dialect_;
};

// A Megatron state, whatever container it lies in: what a driver does to open one. All throw InputError.

/// What a folder of Megatron's says of itself beside its tensors.
struct MegatronFacts {
  nlohmann::json args = nlohmann::json::object();  ///< Megatron-LM's, plain values only
  std::string run_config;  ///< path of Megatron-Bridge's run_config.yaml; empty without one
  std::optional<std::int64_t> vocabulary_rows = {};  ///< that the embedding has by either of the two
};

/// How canonical tensors of a model with the given config lie in a checkpoint, found out from what is stored.
using StoredLayout = std::function<Layout(const std::vector<CanonicalTensor>&, const TransformerConfig&,
                                          const MegatronFacts&)>;

/// Opens the rest of a folder of Megatron's whose directory, ranks and tensors are set: `common` is the dict
/// beside the tensors, or nullptr. Finds the model as open_checkpoint says and binds the state.
void take_megatron_state(Checkpoint& checkpoint, const PickleNode* common, const OpenOptions& options,
                         const StoredLayout& layout);

/// Takes what they and the folder say of how a checkpoint came about (Checkpoint::origin).
void take_origin(Checkpoint& checkpoint, const MegatronFacts& facts);

/// Takes a Hugging Face config and its model.
void take_config(Checkpoint& checkpoint, const ConfigReader& config);

/// Binds the tensors of a checkpoint whose model is known: inverts the layout in which they are stored. Every
/// stored tensor must belong to it. Carried tensors that the checkpoint has lost come from its reference.
void bind_megatron_state(Checkpoint& checkpoint, const StoredLayout& layout, const MegatronFacts& facts = {});

}  // namespace mhub
