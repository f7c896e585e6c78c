// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_format.hpp"

#include <algorithm>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/store/safetensors/safetensors.hpp"
#include "mhub/store/weight_files.hpp"

namespace mhub {
namespace {

template <class Folder>
TensorSource open_weights(const Folder& folder, const std::string& directory) {
  for (const ShardedFiles* files : weight_files()) {
    if (files->are_in(folder)) return files->open(folder);
  }
  throw InputError(directory +
                   ": no weights: expected model.safetensors, model.safetensors.index.json, "
                   "pytorch_model.bin or pytorch_model.bin.index.json");
}

void open_folder(Checkpoint& checkpoint) {
  describe_hf(checkpoint, folder_files(checkpoint.path));
  take_hf_tensors(checkpoint, open_weights(checkpoint.path, checkpoint.path));
}

class HfOutput final : public OutputFormat {
 public:
  HfOutput(const WriteOptions& options, const Checkpoint& source)
      : source_(source), max_shard_bytes_(options.max_shard_bytes), hf_(hf_layout(source)) {}

  Layout take_layout() override { return std::move(hf_.layout); }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    std::vector<SinkTensor> tensors = plan.tensors;
    const std::vector<int> shards = shard_numbers(tensors);
    for (std::size_t k = 0; k < tensors.size(); ++k) tensors[k].chunks[0].rank = shards[k];
    return make_safetensors_sink(root.string(), std::move(tensors), mode);
  }

  void add_files(const fs::path& root, const CopyPlan& plan) const override {
    replace_file((root / "config.json").string(), config_text(hf_config(source_, main_dtype(plan.tensors))));
    if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
      replace_file((root / "generation_config.json").string(), config_text(generation));
    write_companions(*source_.files, root);
  }

  nlohmann::json describe() const override {
    nlohmann::json json{{"format", hf_format().name()}};
    if (max_shard_bytes_) json["max_shard_bytes"] = *max_shard_bytes_;
    return json;
  }

 private:
  /// The file of each tensor: as in the original, else filled in order.
  std::vector<int> shard_numbers(const std::vector<SinkTensor>& tensors) const {
    const auto& original = hf_.original_files;
    if (original.empty() || max_shard_bytes_)
      return assign_shards(tensors, max_shard_bytes_.value_or(kDefaultShardBytes));
    std::set<std::string> names;
    for (const SinkTensor& tensor : tensors) names.insert(original.at(tensor.name));
    std::vector<int> shards;
    for (const SinkTensor& tensor : tensors)
      shards.push_back(static_cast<int>(std::distance(names.begin(), names.find(original.at(tensor.name)))));
    return shards;
  }

  const Checkpoint& source_;
  std::optional<std::uint64_t> max_shard_bytes_;
  HfLayout hf_;
};

class HfFormat final : public Format {
 public:
  std::string_view name() const override { return "hf"; }
  bool probe(const std::string& path) const override {
    return fs::is_regular_file(fs::path(path) / "config.json");
  }
  void open(Checkpoint& checkpoint, const OpenOptions&) const override {
    open_folder(checkpoint);
    if (fs::is_regular_file(fs::path(checkpoint.path) / kManifestName))
      load_manifest(checkpoint, checkpoint.path);
    bind_hf_state(checkpoint);
  }
  std::shared_ptr<const FileSet> files(const std::string& path) const override { return folder_files(path); }
  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override {
    refuse_layout_options(options, name());
    return std::make_unique<HfOutput>(options, source);
  }
  bool shared() const override { return true; }
  /// The folder is the original itself. Types are recorded where Megatron's cannot tell them: of values that
  /// change on the way, and of a folder that has several, which may be stored together.
  nlohmann::json original(const Checkpoint& checkpoint) const override {
    nlohmann::json files = nlohmann::json::object(), dtypes = nlohmann::json::object();
    std::set<DType> types;
    for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
      files[tensor.name] = fs::path(tensor.file()).filename().string();
      if (is_floating(tensor.dtype)) types.insert(tensor.dtype);
    }
    const CanonicalState& state = checkpoint.state;
    for (const std::vector<Term>& terms : state.to_canonical.terms) {
      for (const Term& term : terms) {
        if (!term.zero() && (term.added != 0 || types.size() > 1))
          dtypes[state.sources[term.source]->name] = torch_name(state.sources[term.source]->dtype);
      }
    }
    nlohmann::json original{{"hf_files", std::move(files)}};
    if (!dtypes.empty()) original["hf_dtypes"] = std::move(dtypes);
    return original;
  }
};

}  // namespace

const Format& hf_format() {
  static const HfFormat format;
  return format;
}

bool has_weights(const std::string& directory) {
  return std::any_of(weight_files().begin(), weight_files().end(),
                     [&](const ShardedFiles* files) { return files->are_in(directory); });
}

void open_hf(Checkpoint& checkpoint, std::shared_ptr<const FileSet> files, const WeightFolder& weights) {
  describe_hf(checkpoint, std::move(files));
  take_hf_tensors(checkpoint, open_weights(weights, checkpoint.path));
  if (checkpoint.files->has(kManifestName))
    checkpoint.manifest =
        parse_json(checkpoint.files->read(kManifestName, 1ULL << 30), checkpoint.files->place(kManifestName));
  bind_hf_state(checkpoint);
}

std::shared_ptr<const Checkpoint> open_reference(const std::string& directory) {
  auto reference = std::make_shared<Checkpoint>();
  reference->path = directory;
  reference->format = &hf_format();
  open_folder(*reference);
  return reference;
}

}  // namespace mhub
