// SPDX-License-Identifier: Apache-2.0
#include "mhub/formats/format.hpp"
#include "mhub/formats/megatron/megatron_checkpoint.hpp"
#include "mhub/formats/megatron/megatron_folder.hpp"
#include "mhub/formats/megatron/megatron_output.hpp"
#include "mhub/megatron/layout.hpp"
#include "mhub/store/torch/torch_ranks.hpp"

namespace mhub {
namespace {

std::unique_ptr<TensorSink> make_sink(const MegatronModel& model, const std::string& folder,
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

/// Megatron's checkpoints with a state dict per rank.
class TorchFormat final : public Format {
 public:
  std::string_view name() const override { return "torch"; }
  bool probe(const std::string& path) const override {
    const std::string folder = megatron_folder(path).string();
    return !folder.empty() && is_torch_ranks(folder);
  }

  void open(Checkpoint& checkpoint, const OpenOptions& options) const override {
    checkpoint.directory = megatron_folder(checkpoint.path).string();
    TorchRanksCheckpoint opened = open_torch_ranks(checkpoint.directory);
    checkpoint.tensors = std::move(opened.tensors);
    checkpoint.ranks = std::move(opened.ranks);
    strip_wrappers(checkpoint.tensors);
    take_megatron_state(checkpoint, opened.common, options,
                        [&](const auto& canonical, const auto& config, const auto& facts) {
                          return torch_layout(
                              canonical, stored_layout({checkpoint.directory, checkpoint.ranks, facts.args},
                                                       checkpoint.tensors, canonical, config));
                        });
  }

  std::shared_ptr<const FileSet> files(const std::string& path) const override {
    return folder_files((megatron_folder(path) / "tokenizer").string());
  }

  std::unique_ptr<OutputFormat> output(const WriteOptions& options, const Checkpoint& source) const override {
    // Megatron-LM's default of --make-vocab-size-divisible-by.
    constexpr std::int64_t kDivisor = 128;
    return make_megatron_output({name(), kDivisor, torch_layout, make_sink}, options, source);
  }
};

}  // namespace

const Format& torch_format() {
  static const TorchFormat format;
  return format;
}

}  // namespace mhub
