// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/hf/hf_format.hpp"

#include <filesystem>

#include "mhub/base/error.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/store/safetensors/safetensors_source.hpp"
#include "mhub/store/torch_zip/torch_bin.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

bool has_safetensors(const fs::path& folder) {
  return fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json");
}

bool has_torch_bin(const fs::path& folder) {
  return fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "pytorch_model.bin.index.json");
}

/// Safetensors are preferred.
TensorSource open_weights(const std::string& directory) {
  const fs::path folder = directory;
  if (has_safetensors(folder)) return open_safetensors_folder(directory);
  if (has_torch_bin(folder)) return open_torch_bin(directory);
  throw InputError(directory +
                   ": no weights: expected model.safetensors, model.safetensors.index.json, "
                   "pytorch_model.bin or pytorch_model.bin.index.json");
}

void open_folder(Checkpoint& checkpoint) {
  describe_hf(checkpoint, folder_files(checkpoint.path));
  take_hf_tensors(checkpoint, open_weights(checkpoint.path));
}

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
    return make_hf_output(options, source);
  }
  /// The folder is the original itself.
  nlohmann::json original(const Checkpoint& checkpoint) const override {
    nlohmann::json files = nlohmann::json::object(), dtypes = nlohmann::json::object();
    for (const StoredTensor& tensor : checkpoint.tensors.tensors()) {
      files[tensor.name] =
          tensor.chunks.empty() ? "" : fs::path(tensor.chunks[0].bytes->name()).filename().string();
    }
    const CanonicalState& state = checkpoint.state;
    for (const std::vector<Term>& terms : state.to_canonical.terms) {
      for (const Term& term : terms) {
        if (term.added != 0)
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
  return has_safetensors(directory) || has_torch_bin(directory);
}

std::shared_ptr<const Checkpoint> open_reference(const std::string& directory) {
  auto reference = std::make_shared<Checkpoint>();
  reference->path = directory;
  reference->format = &hf_format();
  open_folder(*reference);
  return reference;
}

}  // namespace mhub
