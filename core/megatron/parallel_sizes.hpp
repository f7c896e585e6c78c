// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

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
};

}  // namespace mhub
