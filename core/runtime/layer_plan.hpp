#pragma once

#include <cstdint>

#include "mhub/model/transformer_config.hpp"

namespace mhub::runtime {

/// What the configuration says of one layer, its per-layer lists looked up.
struct LayerPlan {
  enum class Positions { none, global, local };
  std::int64_t window = 0;   ///< tokens that a query sees, itself included; 0: all before it
  std::int64_t chunk = 0;    ///< a query sees its own chunk of so many tokens; 0: all before it
  bool l2_norms = false;     ///< norms without weights on q and k
  bool temperature = false;  ///< TransformerConfig::attention_temperature applies
  Positions positions = Positions::global;
  bool linear_attention = false;  ///< a gated delta net in the place of attention
  bool experts = false;           ///< a mixture of experts in the place of the MLP
};

LayerPlan layer_plan(const TransformerConfig& config, std::int64_t layer);

}  // namespace mhub::runtime
