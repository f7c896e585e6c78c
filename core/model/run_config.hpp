#pragma once

#include <string>

#include "mhub/model/megatron_args.hpp"
#include "mhub/model/transformer_config.hpp"

namespace mhub {

/// The run_config.yaml from which Megatron-Bridge instantiates the model (bridge training/model_load_save.py,
/// load_model_config): a GPTModelProvider with the fields that differ from its defaults. Throws InputError
/// for an activation that Bridge has no name for.
std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target);

}  // namespace mhub
