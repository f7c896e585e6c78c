// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/config/config_binding.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// How a Hugging Face state stores the input projections of a gated delta net.
enum class DeltaProjections {
  grouped,   ///< in_proj_qkvz and in_proj_ba, by key head: [q; k; v of its value heads; z of them], [b; a]
  separate,  ///< in_proj_qkv ([Q; K; V]), in_proj_z, in_proj_b, in_proj_a
};

/// Megatron-Core's GatedDeltaNet (megatron/core/ssm/gated_delta_net) in the given layers: the norm before it,
/// the input projection [q; k; v; z; beta; alpha], the convolution over [q; k; v], A_log, dt_bias, the norm
/// of the output and the output projection. `mixer` is the module's name relative to DecoderNames::layer; its
/// parts have transformers' names. Tensor parallelism splits heads: each of q, k, v, z, beta, alpha on its
/// own. torch_dist keeps them under keys of their own. Norms of such models are zero-centred on both sides
/// but for the output's, which is so in Megatron alone. Megatron-Bridge subtracts in the model's type, which
/// rounds weights below one half: from bf16 0.2002 it stores -0.8008 and gives back 0.1992, from 0.001 it
/// gives back 0 (0.6.2, param_mapping.py, RMSNorm2ZeroCenteredRMSNormMapping). Here such a tensor is stored
/// in float32, which Megatron-Core's loaders cast to the parameter's type.
void add_gated_delta_net(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
                         const std::string& mixer, DeltaProjections projections, const Layers& layers);

/// The fields of transformers' configs of such models: sizes and heads of the linear layers, and which layers
/// they are ("layer_types", or "full_attention_interval").
struct LinearAttentionFields {
  std::int64_t conv_kernel_dim = 4, key_head_dim = 128, value_head_dim = 128;
  std::int64_t num_key_heads = 16, num_value_heads = 32;
  std::vector<std::int64_t> layers;  ///< 1: linear attention

  void bind(ConfigBinding& b, std::int64_t num_layers);
  /// Whether the last layer is one of them.
  bool last() const { return !layers.empty() && layers.back() != 0; }
};

}  // namespace mhub
