// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <tuple>

#include "mhub/mapping/mapping.hpp"

namespace mhub {

// How Megatron's two formats spell what a tensor is (mapping/identity.hpp), both ways.

/// Whose parameter names a checkpoint carries: TransformerEngine's fused norms
/// ("self_attention.linear_qkv.layer_norm_weight") or the local spec's ("input_layernorm.weight"). In
/// torch_dist both have the first for dense layers (Megatron-Core gpt_layer_specs.py,
/// sharded_state_dict_keys_map).
enum class TransformerImpl { transformer_engine, local };

/// How an expert's parameter is called in a rank's state dict.
enum class ExpertNames {
  grouped,     ///< TEGroupedMLP: "mlp.experts.linear_fc1.weight17"
  sequential,  ///< SequentialMLP: "mlp.experts.local_experts.17.linear_fc1.weight"
};

/// The three ways in which torch_dist checkpoints arrange layers and experts in keys.
struct TorchDistKeys {
  /// One key for all decoder layers, layers along a new first axis; else one key a layer. Megatron-Core
  /// stacks when all layers are alike and no setting says otherwise (transformer_block.py,
  /// sharded_state_dict).
  bool stack_layers = true;
  /// One key for all experts of a layer, along a new axis; else one key an expert, and gate and up under keys
  /// of their own ("..._w", "..._v"): Megatron-Core's singleton_local_shards (mlp.py,
  /// apply_swiglu_sharded_factory; experts.py), which implies one key a layer.
  bool singleton = false;
  /// stack_layers, of the layers of encoders, which have a config of their own (get_vision_model_config in
  /// Bridge).
  bool stack_encoders = true;
};

/// How a checkpoint spells names.
struct Naming {
  TransformerImpl impl = TransformerImpl::transformer_engine;
  /// torch_dist only: the local spec keeps its norms' names there. So it is with latent attention
  /// (gpt_layer_specs.py, get_gpt_layer_local_submodules), in vision transformers and in vision-language
  /// models (vit_layer_specs.py, llava_spec.py): their specs have no sharded_state_dict_keys_map.
  bool local_norm_keys = false;
  /// The local spec has norms behind attention and MLP as modules of the layer, too (Megatron-Bridge's
  /// modeling_gemma4.py).
  bool local_post_norms = false;
  /// torch_dist only: attention of two kinds has keys of its own for each, "self_attention_sliding" and
  /// "self_attention_global", in which layers of the kind are counted alone (ibid., sharded_state_dict). One
  /// entry a layer, 1 for one with a window; empty: there is one kind.
  std::vector<std::int64_t> windowed = {};
  TorchDistKeys keys;                          ///< torch_dist only
  ExpertNames experts = ExpertNames::grouped;  ///< torch only
  std::string mtp_block_name =
      "mtp_model_layer";  ///< torch only: what a state dict calls an MTP block's layer
};

/// Whether a tensor is of the attention of a layer with a window, where there are two kinds
/// (Naming::windowed); nothing where it is of neither's.
std::optional<bool> attention_is_windowed(const TensorIdentity& identity, const Naming& naming);

/// A layer's parameter ("mlp.linear_fc1.layer_norm_weight") as the spec of the naming's implementation calls
/// it.
std::string layer_parameter(const std::string& part, const Naming& naming);

/// The name in a state dict of a tensor whose numbers count from its chunk's first layer and its rank's first
/// expert. identity_of reads it back but for grouped experts, whose number is in the part.
std::string rank_name(const TensorIdentity& local, const Naming& naming);
/// Notes what such a name, read by identity_of, gives away: ExpertNames, the name of MTP blocks' layers.
void note_rank_name(const TensorIdentity& identity, Naming& naming);

/// How many layers and experts a model has.
class ModelCounts {
 public:
  explicit ModelCounts(const std::vector<CanonicalTensor>& canonical);
  std::int64_t layers(const TensorIdentity& one) const;   ///< in its stack
  std::int64_t experts(const TensorIdentity& one) const;  ///< in its layer

 private:
  std::map<std::pair<std::string, Block>, std::int64_t> layers_;  ///< by module and stack
  std::map<std::tuple<Block, std::int64_t, std::string>, std::int64_t, std::less<>> experts_;
};

/// Where a tensor goes in a torch_dist checkpoint.
struct TorchDistPlace {
  std::string key;
  /// Positions along the new first axes (layer, expert) and their lengths.
  Index index;
  Shape count;
};
/// `counts` are those of the whole model.
TorchDistPlace torch_dist_place(const TensorIdentity& identity, const Naming& naming,
                                const ModelCounts& counts);
/// What a segment's key has behind the tensor's if it has one of its own: Mamba's and gated delta net's
/// in_proj and conv1d always ("in_proj.weight.z": ssm/utils.py, _split_tensor_factory), gate and up as
/// singletons; else nothing.
std::string segment_suffix(Role role, const TorchDistKeys& keys);
/// Notes what a key gives away: TorchDistKeys.
void note_torch_dist_key(std::string_view key, Naming& naming);

}  // namespace mhub
