#pragma once

#include "mhub/model/config_reader.hpp"
#include "mhub/model/transformer_config.hpp"

namespace mhub {

/// Fills rotary_base, rotary_percent and rope_scaling from a Hugging Face config: `rope_parameters` as
/// transformers 5 writes it (base and scaling in one object) or `rope_theta` and `rope_scaling` as 4.x does,
/// where the kind is called `rope_type` or, older, `type`. Throws InputError for a kind or a value that is
/// not known.
void read_rope(const ConfigReader& config, double default_theta, TransformerConfig& megatron);

}  // namespace mhub
