// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "mhub/formats/format.hpp"
#include "mhub/formats/megatron/megatron_checkpoint.hpp"
#include "mhub/formats/megatron/megatron_folder.hpp"
#include "mhub/formats/megatron/megatron_output.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/torch_dist/torch_dist_sink.hpp"
#include "mhub/store/torch_dist/torch_dist_source.hpp"
#include "mhub/store/torch_zip/torch_save.hpp"

namespace mhub {
namespace {

/// What optimizers, schedulers and data loaders keep beside the model.
bool is_training_state(const std::string& key) {
  constexpr std::array<std::string_view, 6> kPrefixes{
      "optimizer.", "chained_", "opt_param_scheduler", "rng_state", "rerun_state_machine", "common_state"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

std::unique_ptr<TensorSink> make_sink(const MegatronModel& model, const std::string& folder,
                                      const CopyPlan& plan, OutputMode mode) {
  PickleArena arena;
  PickleNode* common = arena.dict();
  add_common_state(arena, common, model.config, model.target);
  const std::string empty = torch_save_bytes(*arena.list({arena.none()}));
  std::vector<TorchDistObject> objects;
  for (std::string& key : extra_state_keys(model.tensors, model.request))
    objects.push_back({std::move(key), empty});
  return make_torch_dist_sink(folder, plan.tensors, std::move(objects), *common, mode);
}

/// Megatron's distributed checkpoints.
class TorchDistFormat final : public Format {
 public:
  std::string_view name() const override { return "torch_dist"; }
  bool probe(const std::string& path) const override {
    const std::string folder = megatron_folder(path).string();
    return !folder.empty() && is_torch_dist(folder);
  }

  void open(Checkpoint& checkpoint, const OpenOptions& options) const override {
    checkpoint.directory = megatron_folder(checkpoint.path).string();
    TorchDistCheckpoint opened =
        open_torch_dist(checkpoint.directory, [](const std::string& key) { return !is_training_state(key); });
    checkpoint.tensors = std::move(opened.tensors);
    strip_wrappers(checkpoint.tensors);
    take_megatron_state(checkpoint, opened.common, options,
                        [&](const auto& canonical, const auto& config, const auto& facts) {
                          return torch_dist_layout(canonical,
                                                   stored_layout({checkpoint.directory, {}, facts.args},
                                                                 checkpoint.tensors, canonical, config));
                        });
  }

  std::shared_ptr<const FileSet> files(const std::string& path) const override {
    return folder_files((megatron_folder(path) / "tokenizer").string());
  }

  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override {
    return make_megatron_output({name(), 1, torch_dist_layout, make_sink, true}, options, source);
  }
};

}  // namespace

const Format& torch_dist_format() {
  static const TorchDistFormat format;
  return format;
}

}  // namespace mhub
