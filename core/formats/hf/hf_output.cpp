// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "mhub/base/json.hpp"
#include "mhub/formats/hf/hf_format.hpp"
#include "mhub/formats/hf/hf_layout.hpp"
#include "mhub/formats/tokenizer_files.hpp"
#include "mhub/store/safetensors/safetensors_sink.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

class HfOutput final : public OutputFormat {
 public:
  HfOutput(const WriteOptions& options, const Checkpoint& source)
      : source_(source), max_shard_bytes_(options.max_shard_bytes), hf_(hf_layout(source)) {}

  const Layout& layout() const override { return hf_.layout; }

  std::unique_ptr<TensorSink> sink(const fs::path& root, const CopyPlan& plan,
                                   OutputMode mode) const override {
    std::vector<SinkTensor> tensors = plan.tensors;
    const std::vector<int> shards = shard_numbers(tensors);
    for (std::size_t k = 0; k < tensors.size(); ++k) tensors[k].chunks[0].rank = shards[k];
    SafetensorsOptions options;
    options.mode = mode;
    return make_safetensors_sink(root.string(), std::move(tensors), options);
  }

  void add_files(const fs::path& root, const CopyPlan& plan) const override {
    replace_file((root / "config.json").string(), config_text(hf_config(source_, main_dtype(plan.tensors))));
    if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
      replace_file((root / "generation_config.json").string(), config_text(generation));
    copy_tokenizer(*source_.files, root);
  }

  nlohmann::json describe() const override {
    nlohmann::json json{{"format", "hf"}};
    if (max_shard_bytes_) json["max_shard_bytes"] = *max_shard_bytes_;
    return json;
  }

  nlohmann::json advice() const override {
    return {{"megatron_lm_flags", nlohmann::json::array()}, {"limits", source_.notes}};
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

}  // namespace

std::unique_ptr<OutputFormat> make_hf_output(const WriteOptions& options, const Checkpoint& source) {
  return std::make_unique<HfOutput>(options, source);
}

}  // namespace mhub
