// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "mhub/config/config_binding.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// The fields of a Mamba-2 mixer, as hybrid models' configs call them.
struct MambaMixerConfig {
  std::int64_t mamba_num_heads = 128, mamba_head_dim = 64, ssm_state_size = 128, n_groups = 8;
  std::int64_t conv_kernel = 4;

  /// Binds all fields to `b.megatron.mamba`, and refuses what MambaMixer does not compute.
  void bind(ConfigBinding& b);
};

/// Megatron-Core's MambaMixer (megatron/core/ssm/mamba_mixer.py) in the given layers: the norm before it, the
/// input projection [z; x; B; C; dt], the convolution over [x; B; C], A_log, D, dt_bias, the norm before the
/// output projection. `mixer` is the module's name relative to DecoderNames::layer; its parts have the names
/// of transformers' Mamba2. Tensor parallelism splits heads and groups: each of z, x, B, C, dt on its own.
/// torch_dist keeps them under keys of their own. The convolution's parameters are called conv1d_weight and
/// conv1d_bias, as in megatron-core from 0.17 on; in torch_dist they have every version's keys
/// (megatron/stored_names.hpp).
void add_mamba(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
               const std::string& mixer, const Layers& layers);

/// The layers that have `symbol` in a hybrid layer pattern (one symbol a layer, `|` between stages).
Layers layers_of(const std::string& pattern, char symbol);

}  // namespace mhub
