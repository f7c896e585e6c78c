// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/hf/hf_state.hpp"
#include "mhub/formats/megatron/megatron_format.hpp"
#include "mhub/store/hdf5/hdf5.hpp"

namespace mhub {
namespace {

constexpr const char* kFile = "state.h5";
/// The attribute that says whose state an archive holds, and those for people.
constexpr const char* kKind = "kind";
constexpr const char* kCreator = "created_by";
constexpr const char* kClass = "class";

std::string kind_of(StateNames names) {
  return names == StateNames::hugging_face ? std::string(hf_format().name()) : "megatron";
}

/// One file with the state that the source has: Hugging Face's names and tensors, or Megatron's canonical
/// ones, whole.
class Hdf5Output final : public OutputFormat {
 public:
  explicit Hdf5Output(const Checkpoint& source)
      : source_(source),
        layout_(source.names == StateNames::hugging_face ? hf_layout(source).layout
                                                         : canonical_layout(source.state.tensors)) {}

  Layout take_layout() override { return std::move(layout_); }

  void set_dtypes(const std::vector<SinkTensor>& tensors) override { dtype_ = main_dtype(tensors); }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan, OutputMode) const override {
    Hdf5Contents contents;
    contents.attributes = {{kKind, kind_of(source_.names)},
                           {kCreator, std::string("mhub ") + MHUB_VERSION},
                           {kClass, source_.model->class_name}};
    for (const std::string& name : companions(*source_.files))
      contents.files[name] = source_.files->read(name, kLargestCompanion);
    contents.files["config.json"] = config_text(hf_config(source_, dtype_));
    if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
      contents.files["generation_config.json"] = config_text(generation);
    // An interrupted archive cannot be continued; it begins anew.
    fs::remove(root / kFile);
    return make_hdf5_sink((root / kFile).string(), plan.tensors, contents);
  }

  void finish(TensorSink& sink, const ManifestText& manifest) const override {
    auto& archive = dynamic_cast<Hdf5Sink&>(sink);
    nlohmann::json files = nlohmann::json::object();
    for (const auto& [name, file] : archive.files()) files[name] = kept_file(file.size, file.checksum);
    archive.add_file(kManifestName, manifest(std::move(files)));
    sink.finish();
  }

  nlohmann::json describe() const override { return {{"format", "hdf5"}}; }
  std::string single_file() const override { return kFile; }

 private:
  const Checkpoint& source_;
  Layout layout_;
  DType dtype_ = DType::f32;
};

std::shared_ptr<const FileSet> files_of(const std::string& path, Hdf5Archive& archive) {
  std::vector<std::string> others = std::move(archive.others);
  for (const auto& [name, text] : archive.attributes) {
    if (name != kKind && name != kCreator && name != kClass) others.push_back("attribute " + name);
  }
  return archive_files(path, std::move(archive.files), std::move(others));
}

/// One HDF5 file with all that a checkpoint has.
class Hdf5Format final : public Format {
 public:
  std::string_view name() const override { return "hdf5"; }
  bool probe(const std::string& path) const override { return fs::is_regular_file(path) && is_hdf5(path); }

  void open(Checkpoint& checkpoint, const OpenOptions&) const override {
    Hdf5Archive archive = open_hdf5(checkpoint.path);
    const auto files = files_of(checkpoint.path, archive);
    const std::string kind = archive.attributes[kKind];
    if (files->has(kManifestName))
      checkpoint.manifest = parse_json(files->read(kManifestName, 1ULL << 30), files->place(kManifestName));
    if (kind == kind_of(StateNames::hugging_face)) {
      describe_hf(checkpoint, files);
      take_hf_tensors(checkpoint, std::move(archive.state));
      return bind_hf_state(checkpoint);
    }
    if (kind != kind_of(StateNames::megatron))
      throw InputError(checkpoint.path + ": attribute kind is \"" + kind + "\", expected hf or megatron");
    checkpoint.names = StateNames::megatron;
    checkpoint.directory = checkpoint.path;
    checkpoint.files = files;
    checkpoint.tensors = std::move(archive.state);
    take_config(checkpoint, read_config_json(*files));
    bind_megatron_state(checkpoint, [](const auto& canonical, const auto&, const auto&) {
      return canonical_layout(canonical);
    });
  }

  std::shared_ptr<const FileSet> files(const std::string& path) const override {
    Hdf5Archive archive = open_hdf5(path);
    return files_of(path, archive);
  }
  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override {
    refuse_layout_options(options, name());
    refuse_shard_size(options, name());
    return std::make_unique<Hdf5Output>(source);
  }
  bool written_by_mhub(const std::string& file) const override {
    return open_hdf5(file).files.contains(kManifestName);
  }
};

}  // namespace

const Format& hdf5_format() {
  static const Hdf5Format format;
  return format;
}

}  // namespace mhub
