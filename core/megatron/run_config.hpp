// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/config/transformer_config.hpp"
#include "mhub/megatron/megatron_args.hpp"

namespace mhub {

/// The run_config.yaml from which Megatron-Bridge instantiates the model (bridge training/model_load_save.py,
/// load_model_config): a model provider with the fields that differ from its defaults. Throws InputError for
/// an activation that Bridge has no name for.
std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target);

/// The model that such a file describes, as Bridge or mhub wrote it. `text` is the file's content, `where`
/// its name for messages. Throws InputError.
TransformerConfig read_run_config(const std::string& text, const std::string& where);

}  // namespace mhub
