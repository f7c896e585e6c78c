// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/mapping/identity.hpp"

namespace mhub {

/// The model-parallel sizes of a Megatron job (Megatron-Core's parallel_state). All are at least 1.
struct ParallelSizes {
  int tensor = 1;            ///< TP
  int pipeline = 1;          ///< PP
  int virtual_pipeline = 1;  ///< VPP: model chunks per pipeline rank
  int expert = 1;            ///< EP
  int expert_tensor = 1;     ///< ETP
};

/// How layers are spread over pipeline stages where they are not spread evenly (Megatron-LM's arguments).
struct PipelineOptions {
  std::optional<int> first_stage_layers;  ///< --decoder-first-pipeline-num-layers
  std::optional<int> last_stage_layers;   ///< --decoder-last-pipeline-num-layers
  bool account_for_embedding = false;     ///< --account-for-embedding-in-pipeline-split
  bool account_for_loss = false;          ///< --account-for-loss-in-pipeline-split
  std::string layout;                     ///< --pipeline-model-parallel-layout: "Et*3|(tt|)*29,m|L"

  bool operator==(const PipelineOptions&) const = default;
};

/// Where something lives in a pipeline.
struct StagePlace {
  int stage = 0;           ///< pipeline rank
  int chunk = 0;           ///< model chunk of that rank (virtual stage)
  std::int64_t local = 0;  ///< a layer's number inside the chunk
  bool operator==(const StagePlace&) const = default;
};

/// Which pipeline stage and model chunk owns what. Layers go in order through chunk 0 of every stage, then
/// chunk 1 of every stage, and so on (Megatron-Core transformer_layer.py, get_transformer_layer_offset).
class PipelineSplit {
 public:
  /// The layers of a job with these sizes and options (transformer_block.py, get_num_layers_to_build;
  /// pipeline_parallel_layer_layout.py). `mtp_layers` is what a layout string must place. Throws InputError
  /// when the layers do not divide, UsageError for a layout string that does not fit.
  PipelineSplit(std::int64_t layers, const ParallelSizes& sizes, const PipelineOptions& options = {},
                std::int64_t mtp_layers = 0);
  /// As found in a checkpoint: the number of layers in each chunk, `counts[stage][chunk]`, and where the
  /// multi-token-prediction blocks and the final norm lie (nothing: in the last chunk).
  explicit PipelineSplit(std::vector<std::vector<std::int64_t>> counts, std::optional<StagePlace> mtp = {},
                         std::optional<StagePlace> final_norm = {});

  /// By [stage][chunk].
  const std::vector<std::vector<std::int64_t>>& counts() const { return counts_; }
  int stages() const { return static_cast<int>(counts_.size()); }
  int chunks() const { return static_cast<int>(counts_.front().size()); }
  std::int64_t layers() const { return static_cast<std::int64_t>(places_.size()); }
  const StagePlace& place_of_layer(std::int64_t layer) const {
    return places_.at(static_cast<std::size_t>(layer));
  }
  /// The place of any canonical tensor: embeddings and encoders of other modalities live in the first chunk,
  /// whole, the output layer in the last (`local` is 0 for tensors outside layers). The final norm is there
  /// too, but in a model with multi-token-prediction blocks it is behind the last decoder layer
  /// (transformer_block.py, has_final_layernorm_in_this_stage, since megatron-core 0.16).
  StagePlace place_of(const TensorIdentity& identity) const;
  StagePlace last() const { return {stages() - 1, chunks() - 1, 0}; }
  /// Where multi-token-prediction blocks live.
  StagePlace mtp() const { return mtp_; }

 private:
  std::vector<std::vector<std::int64_t>> counts_;
  std::vector<StagePlace> places_;
  StagePlace mtp_, final_norm_;
};

}  // namespace mhub
