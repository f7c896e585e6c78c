// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/megatron/megatron_format.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/torch/torch_ranks.hpp"

namespace mhub {
namespace {

std::unique_ptr<TensorSink> torch_sink(const MegatronModel& model, const std::string& folder,
                                       const CopyPlan& plan, OutputMode mode) {
  return make_torch_ranks_sink(
      folder, plan.tensors,
      [&model](PickleArena& arena, PickleNode* top) {
        add_common_state(arena, top, model.config, model.target);
      },
      [request = model.request](const std::vector<std::string>& names) {
        return extra_state_names(names, request);
      },
      mode);
}

std::shared_ptr<const PickleNode> open_ranks(Checkpoint& checkpoint) {
  TorchRanksCheckpoint opened = open_torch_ranks(checkpoint.directory);
  checkpoint.tensors = std::move(opened.tensors);
  checkpoint.ranks = std::move(opened.ranks);
  // A distributed optimizer's state has a file of its own (Megatron-LM checkpointing.py).
  const fs::path first = fs::path(checkpoint.directory) / checkpoint.ranks.front();
  checkpoint.origin->optimizer = fs::exists(first / "distrib_optim.pt") ||
                                 (opened.common != nullptr && opened.common->find("optimizer") != nullptr);
  return opened.common;
}

}  // namespace

/// Megatron's checkpoints with a state dict per rank.
const Format& torch_format() {
  static const MegatronFormat format(
      {"torch", is_torch_ranks, open_ranks, kVocabDivisor, torch_layout, torch_sink});
  return format;
}

}  // namespace mhub
