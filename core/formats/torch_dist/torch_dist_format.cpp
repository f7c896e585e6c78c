// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "mhub/formats/megatron/megatron_format.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/torch_dist/torch_dist.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

/// What optimizers, schedulers and data loaders keep beside the model.
bool is_training_state(const std::string& key) {
  constexpr std::array<std::string_view, 6> kPrefixes{
      "optimizer.", "chained_", "opt_param_scheduler", "rng_state", "rerun_state_machine", "common_state"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

std::unique_ptr<TensorSink> torch_dist_sink(const MegatronModel& model, const std::string& folder,
                                            const CopyPlan& plan, OutputMode mode) {
  PickleArena arena;
  PickleNode* common = arena.dict();
  add_common_state(arena, common, model.config, model.target);
  const std::string empty = torch_save_bytes(*arena.list({arena.none()}));
  std::vector<TorchDistObject> objects;
  for (std::string& key : extra_state_keys(*model.tensors, model.request))
    objects.push_back({std::move(key), empty});
  return make_torch_dist_sink(folder, plan.tensors, std::move(objects), *common, mode);
}

std::shared_ptr<const PickleNode> open_shards(Checkpoint& checkpoint) {
  bool optimizer = false;
  TorchDistCheckpoint opened = open_torch_dist(checkpoint.directory, [&](const std::string& key) {
    optimizer = optimizer || key.starts_with("optimizer.") || key.starts_with("chained_");
    return !is_training_state(key);
  });
  checkpoint.origin->optimizer = optimizer;
  checkpoint.tensors = std::move(opened.tensors);
  return opened.common;
}

}  // namespace

/// Megatron's distributed checkpoints.
const Format& torch_dist_format() {
  static const MegatronFormat format(
      {"torch_dist", is_torch_dist, open_shards, 1, torch_dist_layout, torch_dist_sink, true});
  return format;
}

}  // namespace mhub
