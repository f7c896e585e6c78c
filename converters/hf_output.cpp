#include <algorithm>
#include <map>
#include <set>

#include "mhub/base/error.hpp"
#include "mhub/store/safetensors/safetensors_sink.hpp"
#include "output_format.hpp"

namespace fs = std::filesystem;

namespace mhub::converters {
namespace {

std::map<std::string, std::string> files_of(const TensorSource& tensors) {
  std::map<std::string, std::string> files;
  for (const StoredTensor& tensor : tensors.tensors())
    files[tensor.name] =
        tensor.chunks.empty() ? "" : fs::path(tensor.chunks[0].bytes->name()).filename().string();
  return files;
}

/// The files and tensor names of the Hugging Face checkpoint that a source was made of, where its manifest
/// (or the source itself) knows them: tensor -> file.
std::map<std::string, std::string> original_files(const Checkpoint& source) {
  std::map<std::string, std::string> files;
  if (source.hf) return files_of(source.hf->tensors);
  const nlohmann::json* recorded = nullptr;
  if (source.manifest.is_object()) {
    const auto found = source.manifest.find("hf_files");
    if (found != source.manifest.end() && found->is_object()) recorded = &*found;
  }
  if (recorded != nullptr) {
    for (const auto& entry : recorded->items()) {
      if (entry.value().is_string()) files[entry.key()] = entry.value().get<std::string>();
    }
  }
  return files;
}

class HfOutput final : public OutputFormat {
 public:
  HfOutput(const ConvertOptions& options, const Checkpoint& source)
      : source_(source), max_shard_bytes_(options.max_shard_bytes) {
    const ExpandedMapping mapping = expanded_mapping(*source.model, *source.config);
    const Mapping declared = source.model->mapping(*source.config);
    layout_.map = inverted(mapping.import);
    original_ = original_files(source);
    use_original_names(declared);
    for (const StateTensor& tensor : layout_.map.destination) {
      layout_.tensors.push_back(
          {tensor.name, DType::f32, tensor.shape, {{Index(tensor.shape.size(), 0), tensor.shape, 0}}});
    }
  }

  const Layout& layout() const override { return layout_; }

  void set_dtypes(const std::vector<SinkTensor>& tensors) override {
    std::map<DType, std::int64_t> elements;
    for (const SinkTensor& tensor : tensors) elements[tensor.dtype] += numel(tensor.shape);
    dtype_ = std::max_element(elements.begin(), elements.end(), [](const auto& a, const auto& b) {
               return a.second < b.second;
             })->first;
  }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    std::vector<SinkTensor> tensors = plan.tensors;
    const std::vector<int> shards = shard_numbers(tensors);
    for (std::size_t k = 0; k < tensors.size(); ++k) tensors[k].chunks[0].rank = shards[k];
    SafetensorsOptions options;
    options.mode = mode;
    return make_safetensors_sink(root.string(), std::move(tensors), options);
  }

  void add_files(const fs::path& root, const CopyPlan&) const override {
    nlohmann::json config = source_.config->json();
    // transformers 4 reads torch_dtype, 5 reads dtype and still accepts the other.
    for (const char* key : {"torch_dtype", "dtype"}) {
      if (config.contains(key)) config[key] = torch_name(dtype_);
    }
    if (!config.contains("torch_dtype") && !config.contains("dtype"))
      config["torch_dtype"] = torch_name(dtype_);
    replace_file((root / "config.json").string(), config.dump(2) + "\n");
    if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
      replace_file((root / "generation_config.json").string(), generation.dump(2) + "\n");
    copy_tokenizer(source_, root);
  }

  nlohmann::json describe() const override { return {{"format", "hf"}}; }

  nlohmann::json advice() const override {
    nlohmann::json notes = nlohmann::json::array();
    if (!source_.alternatives.empty()) {
      std::string names;
      for (const std::string& one : source_.alternatives) names += (names.empty() ? "" : ", ") + one;
      notes.push_back("the checkpoint may as well be " + names + "; --hf-class chooses");
    }
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", notes}};
  }

 private:
  /// Names with or without the base model's prefix and repeated tied tensors as the original had them.
  void use_original_names(const Mapping& declared) {
    if (original_.empty()) return;
    const std::string& prefix = declared.prefix();
    auto without = [&](const std::string& name) {
      return !prefix.empty() && name.starts_with(prefix) ? name.substr(prefix.size()) : name;
    };
    auto original_name = [&](const std::string& name) -> std::optional<std::string> {
      if (original_.contains(name)) return name;
      if (original_.contains(without(name))) return without(name);
      return std::nullopt;
    };
    std::map<std::string, std::size_t> positions;
    for (std::size_t k = 0; k < layout_.map.destination.size(); ++k) {
      StateTensor& tensor = layout_.map.destination[k];
      positions[tensor.name] = k;
      if (const auto name = original_name(tensor.name)) {
        tensor.name = *name;
      } else {
        original_.clear();  // of another model or another class: no guide
        return;
      }
    }
    for (const Mapping::Tied& tie : declared.ties()) {
      const auto repeat = original_name(tie.hf);
      const auto same = positions.find(tie.same_as);
      if (!repeat || same == positions.end()) continue;
      layout_.map.destination.push_back({*repeat, layout_.map.destination[same->second].shape});
      layout_.map.terms.push_back(layout_.map.terms[same->second]);
      layout_.map.copy.push_back(1);
    }
  }

  std::vector<int> shard_numbers(const std::vector<SinkTensor>& tensors) const {
    if (original_.empty() || max_shard_bytes_)
      return assign_shards(tensors, max_shard_bytes_.value_or(kDefaultShardBytes));
    std::set<std::string> names;
    for (const SinkTensor& tensor : tensors) names.insert(original_.at(tensor.name));
    std::vector<int> shards;
    for (const SinkTensor& tensor : tensors)
      shards.push_back(static_cast<int>(std::distance(names.begin(), names.find(original_.at(tensor.name)))));
    return shards;
  }

  const Checkpoint& source_;
  std::optional<std::uint64_t> max_shard_bytes_;
  std::map<std::string, std::string> original_;
  Layout layout_;
  DType dtype_ = DType::f32;
};

}  // namespace

std::unique_ptr<OutputFormat> make_hf_output(const ConvertOptions& options, const Checkpoint& source) {
  return std::make_unique<HfOutput>(options, source);
}

}  // namespace mhub::converters
