// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mhub {

/// A pipeline layout string taken apart.
struct PipelineLayout {
  std::vector<std::vector<std::int64_t>> layers;  ///< decoder layers by [stage][chunk]
  int mtp_stage = 0;                              ///< the stage that holds the multi-token-prediction blocks
};

/// Parses Megatron-LM's --pipeline-model-parallel-layout for `stages` pipeline ranks: parts separated by `|`,
/// in order through chunk 0 of every stage, then chunk 1, ...; `E` embedding, `t` decoder layer, `m` MTP
/// block, `L` loss; "x*n" and "(...)*n" repeat; commas mean nothing (pipeline_parallel_layer_layout.py).
/// Throws UsageError for what the real parser or validate_layer_layout refuses.
PipelineLayout parse_pipeline_layout(const std::string& text, int stages, std::int64_t layers,
                                     std::int64_t mtp_layers);

}  // namespace mhub
