// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/base/file.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/store/tensor_sink.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// An opened checkpoint of Megatron's `torch` format: one state dict per model-parallel rank.
struct TorchRanksCheckpoint {
  /// All ranks' model tensors and what mhub keeps beside the model, each with its StateDict: as
  /// "mp_rank_00_001/decoder.layers.0...", "mp_rank_00_001/model0/decoder..." with virtual pipeline stages,
  /// "mp_rank_00/hf/...". Optimizer state is left out.
  TensorSource tensors;
  std::vector<std::string> ranks;  ///< folder names, sorted
  /// The first rank's top-level dict: args, iteration, checkpoint_version ...
  std::shared_ptr<const PickleNode> common;
};

/// True when the folder has mp_rank_* folders.
bool is_torch_ranks(const std::string& directory);
/// Opens every rank's model_optim_rng.pt. Throws InputError for a missing rank or a damaged file.
TorchRanksCheckpoint open_torch_ranks(const std::string& directory);

/// Writes `<directory>/<rank folder>/model_optim_rng.pt` for every rank; tensors say their StateDict.
/// `add_common` adds the entries beside `model` to a rank's top-level dict; `extra_names` gives the names in
/// a rank's `model` whose value is None (module extra states).
std::unique_ptr<TensorSink> make_torch_ranks_sink(
    const std::string& directory, const std::vector<SinkTensor>& tensors,
    const std::function<void(PickleArena&, PickleNode* top)>& add_common,
    const std::function<std::vector<std::string>(const std::vector<std::string>& names)>& extra_names,
    OutputMode mode = OutputMode::create);

}  // namespace mhub
