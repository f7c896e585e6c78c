// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/config/transformer_config.hpp"

namespace mhub::runtime {

/// What the configuration says of one layer, its per-layer lists looked up.
struct LayerPlan {
  enum class Positions { none, global, local };
  /// What mixes tokens.
  enum class Mixer { none, attention, delta_net, mamba, linear };
  /// What comes behind it, token by token.
  enum class Mlp { none, dense, experts, linear };
  std::int64_t window = 0;    ///< tokens that a query sees, itself included; 0: all before it
  std::int64_t chunk = 0;     ///< a query sees its own chunk of so many tokens; 0: all before it
  bool l2_norms = false;      ///< norms without weights on q and k
  bool temperature = false;   ///< TransformerConfig::attention_temperature applies
  std::int64_t keys_of = -1;  ///< the layer whose keys and values this one takes; -1: it has its own
  bool lends_keys = false;    ///< another one takes this one's
  Positions positions = Positions::global;
  Mixer mixer = Mixer::attention;
  Mlp mlp = Mlp::dense;
};

/// The hybrid pattern with one symbol a layer: without the marks of pipeline stages.
std::string layer_symbols(const TransformerConfig& config);

LayerPlan layer_plan(const TransformerConfig& config, std::int64_t layer);

}  // namespace mhub::runtime
