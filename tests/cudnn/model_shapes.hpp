// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mhub/runtime/matrix.hpp"

namespace mhub::tests {

/// The sizes of a published model that its graphs depend on, as its config.json has them.
struct ModelShape {
  std::string name;          ///< of its recipe
  std::int64_t hidden, ffn;  ///< ffn: 0 where every MLP is experts
  std::int64_t heads, groups, dim;
  std::int64_t vocabulary;
  bool gated = true;  ///< the first MLP matrix is twice as wide
  runtime::ActivationKind activation = runtime::ActivationKind::silu;
  float clamp = 0.0F;       ///< of the activation
  bool layer_norm = false;  ///< else RMS norm
  bool norm_bias = false;
  bool qkv_bias = false, linear_bias = false;  ///< linear_bias: of the others too
  std::int64_t window = 0;
  float soft_cap = 0.0F;
  bool sinks = false;
  std::int64_t expert_ffn = 0, shared_ffn = 0;
  bool shared_gate = false;  ///< of the shared experts
  /// Latent attention: ranks (query 0: none), with `dim` plain and `rotated` more dimensions of a key.
  std::int64_t query_rank = 0, key_value_rank = 0, rotated = 0;
  bool output_gate = false;  ///< of attention: as many gates as queries
  /// Heads of gated delta nets, in layers beside those of attention; they have delta_dim numbers.
  std::int64_t delta_key_heads = 0, delta_value_heads = 0, delta_dim = 0;
  /// Mamba mixers, likewise: heads, numbers of all of them, and of B and C of all groups.
  std::int64_t mamba_heads = 0, mamba_inner = 0, mamba_states = 0;
};

/// One for every recipe (recipes of the same sizes share one), and the sizes of the conformance suite. Each
/// is what a plugin makes of a file in configs/: of a published config.json (its text_config, where it has
/// one) what graphs depend on.
std::vector<ModelShape> model_shapes();

}  // namespace mhub::tests
