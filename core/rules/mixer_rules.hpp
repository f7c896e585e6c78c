// SPDX-License-Identifier: Apache-2.0
// What a layer may have in the place of softmax attention.
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// Where the tensors of multi-head latent attention are in the Hugging Face state, relative to
/// DecoderNames::layer, without ".weight".
struct MlaNames {
  std::string q = "self_attn.q_proj";  ///< without q_lora_rank
  std::string q_down = "self_attn.q_a_proj", q_norm = "self_attn.q_a_layernorm",
              q_up = "self_attn.q_b_proj";  ///< with it
  std::string kv_down = "self_attn.kv_a_proj_with_mqa", kv_norm = "self_attn.kv_a_layernorm",
              kv_up = "self_attn.kv_b_proj";
};

/// The norm before attention and Megatron-Core's MLASelfAttention (multi_latent_attention.py) in every layer.
/// Its down projections are whole on every rank; the norms behind them are fused into the up projections, and
/// the one before attention is a module of its own, in TransformerEngine's spec too (gpt_layer_specs.py).
/// With sparse attention those norms are modules of their own, and layers that choose tokens have an indexer,
/// whole on every rank (experimental_attention_variant_module_specs.py, dsa.py). It has the published names,
/// self_attn.indexer.
void add_latent_attention(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
                          const MlaNames& mla = {});

/// Whether a layer, counted from 0, chooses tokens itself (dsa.py, is_dsa_skip_topk_layer).
bool chooses_tokens(const SparseAttentionConfig& sparse, std::int64_t layer);

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

/// What a config.json calls the fields of a Mamba-2 mixer. The defaults are NemotronHConfig's.
struct MambaKeys {
  std::string num_heads = "mamba_num_heads", head_dim = "mamba_head_dim", state_size = "ssm_state_size";
  std::string groups = "n_groups", conv_kernel = "conv_kernel", conv_bias = "use_conv_bias";
  std::string proj_bias = "mamba_proj_bias", activation = "mamba_hidden_act";
  /// All heads together as a multiple of hidden_size, which they must be; empty: they are what they are.
  std::string expand = {};
};

/// BambaConfig's and GraniteMoeHybridConfig's.
MambaKeys bamba_keys();

/// The fields of a Mamba-2 mixer.
struct MambaMixerConfig {
  std::int64_t mamba_num_heads = 128;
  std::int64_t mamba_head_dim = 64;  ///< 0 only until read: what `expand` says
  std::int64_t ssm_state_size = 128, n_groups = 8, conv_kernel = 4, expand = 2;

  /// Binds all fields to `b.megatron.mamba`, and refuses what MambaMixer does not compute. `hidden_size` is
  /// for MambaKeys::expand.
  void bind(ConfigBinding& b, const MambaKeys& keys = {}, std::int64_t hidden_size = 0);

 private:
  void bind_head_dim(ConfigBinding& b, const MambaKeys& keys, std::int64_t hidden_size);
};

/// Layers that have a mixer and an MLP are two each of a hybrid pattern. `kinds`, one a layer: 1 for
/// attention, 0 for Mamba. `mlp` is the second one's symbol, `-` or `E`. Call it when num_hidden_layers is
/// bound. Tensors of such models are in the Hugging Face layer "{i/2}".
void bind_layer_pairs(ConfigBinding& b, std::int64_t& num_hidden_layers, std::vector<std::int64_t>& kinds,
                      char mlp);

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
