// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/megatron/megatron_args.hpp"

namespace mhub {

/// A written checkpoint, as a training job finds it.
struct LaunchSite {
  std::string output;         ///< the folder with the tracker in it
  std::string folder;         ///< the iteration's in there: "release"
  std::string hugging_face;   ///< the model that it comes from, where that is one of Hugging Face's
  bool has_tokenizer = true;  ///< in the folder's tokenizer/
  bool has_run_config = true;
};

/// How to train from a checkpoint, by framework: "megatron_lm" a command line, "megatron_bridge" a line of
/// Python, "verl" and "nemo_rl" settings of theirs. Frameworks that cannot are left out. What a job decides
/// (data, batches, learning rate) has values with which it starts.
///
/// From Megatron-LM 0.19 (training/arguments.py, validate_args; checkpointing.py, load_args_from_checkpoint,
/// which restores no parallel sizes and no tokenizer), Megatron-Bridge 0.6 (training/model_load_save.py),
/// verl b178a3c (trainer/config/engine/megatron.yaml) and NeMo-RL 7ea279a (models/megatron/setup.py,
/// validate_model_paths).
nlohmann::json launch_lines(const TransformerConfig& config, const MegatronTarget& target,
                            const LaunchSite& site);

}  // namespace mhub
