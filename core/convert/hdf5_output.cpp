// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/hf_layout.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/output_format.hpp"
#include "mhub/store/hdf5/hdf5_sink.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

constexpr const char* kFile = "state.h5";
constexpr std::uint64_t kLargestText = 1ULL << 30;

/// One HDF5 file with the state that the source has: Hugging Face's names and tensors, or Megatron's
/// canonical ones, whole.
class Hdf5Output final : public OutputFormat {
 public:
  explicit Hdf5Output(const Checkpoint& source)
      : source_(source),
        layout_(source.hf ? hf_layout(source).layout : canonical_layout(source.state.tensors)) {}

  const Layout& layout() const override { return layout_; }

  void set_dtypes(const std::vector<SinkTensor>& tensors) override { dtype_ = main_dtype(tensors); }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan, OutputMode) const override {
    Hdf5Contents contents;
    contents.attributes = {{"kind", source_.hf ? "hf" : "megatron"},
                           {"created_by", std::string("mhub ") + MHUB_VERSION},
                           {"class", source_.model->class_name}};
    contents.files["config.json"] = config_text(hf_config(source_, dtype_));
    if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
      contents.files["generation_config.json"] = config_text(generation);
    for (const std::string& name : tokenizer_files(*source_.files))
      contents.files[name] = source_.files->read(name, kLargestText);
    // An interrupted archive cannot be continued; it begins anew.
    fs::remove(root / kFile);
    return make_hdf5_sink((root / kFile).string(), plan.tensors, contents);
  }

  void finish(TensorSink& sink, const nlohmann::json& manifest) const override {
    dynamic_cast<Hdf5Sink&>(sink).add_file(kManifestName, manifest_text(manifest));
    sink.finish();
  }

  void add_files(const fs::path&, const CopyPlan&) const override {}
  nlohmann::json describe() const override { return {{"format", "hdf5"}}; }
  nlohmann::json advice() const override {
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", nlohmann::json::array()}};
  }
  std::string single_file() const override { return kFile; }

 private:
  const Checkpoint& source_;
  Layout layout_;
  DType dtype_ = DType::f32;
};

}  // namespace

std::unique_ptr<OutputFormat> make_hdf5_output(const ConvertOptions&, const Checkpoint& source) {
  return std::make_unique<Hdf5Output>(source);
}

}  // namespace mhub::converters
