// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/hf_folder.hpp"

#include <set>

#include "mhub/base/error.hpp"
#include "mhub/base/interrupt.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/convert/export_plan.hpp"
#include "mhub/mapping/executor.hpp"
#include "mhub/store/safetensors/safetensors_sink.hpp"

namespace fs = std::filesystem;

namespace mhub {
namespace {

constexpr std::uint64_t kLargestText = 1ULL << 30;

}  // namespace

HfFolder::HfFolder(const Checkpoint& source, std::optional<std::uint64_t> max_shard_bytes)
    : source_(source), max_shard_bytes_(max_shard_bytes), hf_(hf_layout(source)) {}

std::unique_ptr<TensorSink> HfFolder::sink(const fs::path& folder, const CopyPlan& plan,
                                           OutputMode mode) const {
  std::vector<SinkTensor> tensors = plan.tensors;
  const std::vector<int> shards = shard_numbers(tensors);
  for (std::size_t k = 0; k < tensors.size(); ++k) tensors[k].chunks[0].rank = shards[k];
  SafetensorsOptions options;
  options.mode = mode;
  return make_safetensors_sink(folder.string(), std::move(tensors), options);
}

void HfFolder::add_files(const fs::path& folder, const CopyPlan& plan) const {
  replace_file((folder / "config.json").string(), config_text(hf_config(source_, main_dtype(plan.tensors))));
  if (const nlohmann::json generation = generation_config(source_); !generation.is_null())
    replace_file((folder / "generation_config.json").string(), config_text(generation));
  copy_tokenizer(source_, folder);
}

/// The file of each tensor: as in the original, else filled in order.
std::vector<int> HfFolder::shard_numbers(const std::vector<SinkTensor>& tensors) const {
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

void copy_tokenizer(const Checkpoint& source, const fs::path& folder) {
  for (const std::string& name : tokenizer_files(*source.files)) {
    const fs::path path = folder / name;
    fs::create_directories(path.parent_path());
    replace_file(path.string(), source.files->read(name, kLargestText));
  }
}

void save_hf_folder(const Checkpoint& source, const std::string& folder, const SaveOptions& options) {
  if (source.model == nullptr) throw InputError(source.unknown_model);
  require_equal_repeats(source);
  const HfFolder output(source, options.max_shard_bytes);
  const CopyPlan plan = plan_export(source, output.layout(), options.dtype);
  const std::string fingerprint = source_fingerprint(plan);
  StagingDirectory staging(folder, {});
  const std::unique_ptr<TensorSink> sink = output.sink(staging.path(), plan, OutputMode::create);
  ExecuteOptions execution;
  execution.jobs = options.jobs;
  execution.on_bytes = [](std::uint64_t) { throw_if_interrupted(); };
  execute(plan, *sink, execution);
  sink->finish();
  if (source_fingerprint(plan) != fingerprint)
    throw InputError(source.path + ": changed while it was read; save it again");
  output.add_files(staging.path(), plan);
  staging.commit();
}

}  // namespace mhub
