#pragma once

namespace mhub {

/// The model-parallel sizes of a Megatron job (Megatron-Core's parallel_state). All are at least 1.
struct ParallelSizes {
  int tensor = 1;            ///< TP
  int pipeline = 1;          ///< PP
  int virtual_pipeline = 1;  ///< VPP: model chunks per pipeline rank
  int expert = 1;            ///< EP
  int expert_tensor = 1;     ///< ETP
};

}  // namespace mhub
