// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/config/transformer_config.hpp"

namespace mhub {

// "block_configs", which describes layers of several sizes: in the config.json of models whose layers were
// searched for (DeciLM), and in Megatron-Core's description of them (heterogeneous_config.py).

/// The sizes that `json`'s "block_configs" gives the layers of `config`: of its own sizes where a block says
/// none. Throws InputError.
HeterogeneousConfig read_block_configs(const ConfigReader& json, const TransformerConfig& config);
/// The same list, by the names that both have.
nlohmann::json block_configs(const TransformerConfig& config);

/// Whether a layer attends to a window of tokens.
bool has_window(const TransformerConfig& config, std::int64_t layer);
/// The model whose layers all attended like those that have a window, or like those that have none
/// (TransformerConfig::full_attention).
TransformerConfig with_attention_of(const TransformerConfig& config, bool window);

/// The layer whose keys and values a layer attends to: itself, or the one that SharedKeysConfig says. Throws
/// ConfigError where there is none.
std::int64_t layer_with_keys_of(const TransformerConfig& config, std::int64_t layer);

/// What one layer would be built from in a model whose layers are all like it (get_config_for_layer). The
/// size of a block that is none stays that of the model.
TransformerConfig layer_config(const TransformerConfig& config, std::int64_t layer);

}  // namespace mhub
