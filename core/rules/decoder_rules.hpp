// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/config/transformer_config.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// How a Hugging Face state stores q, k and v (or gate and up) of a layer when it has one tensor for them.
enum class FusedOrder {
  concatenated,  ///< [Q; K; V]
  megatron,      ///< already interleaved by query group, as Megatron keeps it
};

/// Where a decoder's tensors are in the Hugging Face state. The defaults are the most common names. Module
/// names: ".weight" and ".bias" are added as the TransformerConfig asks for them. Names of a layer are
/// relative to `layer`.
struct DecoderNames {
  std::string base_prefix = "model.";  ///< what a checkpoint of the base model leaves out
  std::string embedding = "model.embed_tokens";
  std::string position_embedding;  ///< learned positions; empty: none
  std::string layer = "model.layers.{i}.";
  std::string final_norm = "model.norm";
  std::string output_layer = "lm_head";

  std::string input_norm = "input_layernorm";
  std::string qkv = "self_attn.{q,k,v}_proj";  ///< three names, or one fused tensor
  FusedOrder qkv_order = FusedOrder::concatenated;
  std::string q_norm = "self_attn.q_norm", k_norm = "self_attn.k_norm";
  std::string sinks = "self_attn.sinks";  ///< whole, with SoftmaxType::learnable
  std::string proj = "self_attn.o_proj";
  std::string linear_attention = "self_attn.linear_attn";        ///< a linear layer in attention's place
  std::string post_attention_norm = "post_attention_layernorm";  ///< with TransformerConfig::post_norms
  std::string pre_mlp_norm = "post_attention_layernorm";         ///< unless shared_pre_norm
  std::string fc1 = "mlp.{gate,up}_proj";  ///< two names, one fused [gate; up], or ungated
  std::string fc2 = "mlp.down_proj";
  std::string linear_mlp = "mlp.linear_mlp";                 ///< a linear layer in the MLP's place
  std::string activation = "mlp.act_fn";                     ///< of an activation with parameters
  std::string post_mlp_norm = "post_feedforward_layernorm";  ///< with TransformerConfig::post_norms
  std::string layer_scalar = "layer_scalar";                 ///< with TransformerConfig::layer_scalar

  /// With TransformerConfig::layer_embeddings: the table, the projection of what the decoder begins with and
  /// its norm; of a layer the gate, the projection into its stream and the norm behind it.
  std::string layer_embedding = "model.embed_tokens_per_layer";
  std::string layer_input = "model.per_layer_model_projection";
  std::string layer_input_norm = "model.per_layer_projection_norm";
  std::string layer_gate = "per_layer_input_gate", layer_projection = "per_layer_projection";
  std::string layer_projection_norm = "post_per_layer_input_norm";

  bool conv1d = false;  ///< weights of linear layers are stored [in, out] (transformers' Conv1D)
};

/// The whole mapping of a decoder whose layers are all attention + dense MLP: embeddings, layers, final norm
/// and output layer, with the index variable "i".
Mapping decoder_mapping(const TransformerConfig& config, const DecoderNames& names);

// Its parts, for architectures that differ in one of them. `layers` are the layers that a part applies to
// (all of them when absent).

using Layers = std::vector<std::int64_t>;

/// Embeddings, final norm, output layer (tied or not), base-model prefix, index variable "i".
void add_ends(Mapping& map, const TransformerConfig& config, const DecoderNames& names);
/// The norm before attention, linear_qkv, the q and k norms, sinks and linear_proj. Of layers that differ in
/// their sizes (TransformerConfig::heterogeneous) each has its own, as it has its own MLP, and of two kinds
/// of them (TransformerConfig::full_attention) each. Layers that take keys and values from others
/// (TransformerConfig::shared_keys) have zeros in the place of their projections.
void add_attention(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
                   const std::optional<Layers>& layers = {});
/// The norm before the MLP (fused into linear_fc1), linear_fc1 and linear_fc2.
void add_dense_mlp(Mapping& map, const TransformerConfig& config, const DecoderNames& names,
                   const std::optional<Layers>& layers = {});
/// The number behind a layer, where the model has one.
void add_layer_scalar(Mapping& map, const TransformerConfig& config, const DecoderNames& names);
/// Embeddings for each layer, where the model has them, by Megatron-Bridge's names (models/gemma/
/// gemma4_bridge.py).
void add_layer_embeddings(Mapping& map, const TransformerConfig& config, const DecoderNames& names);
/// Weight and, where the config's norms have one, bias: `megatron` + "weight" <- `hf` + ".weight".
void add_norm(Mapping& map, const TransformerConfig& config, const std::string& megatron,
              const std::string& hf, const std::optional<Layers>& layers = {});

/// The rule for `part` of "decoder.layers.{i}.".
Rule& layer_rule(Mapping& map, const std::string& part, Transform transform,
                 const std::optional<Layers>& layers = {});
/// linear_fc1's weight (`inner` is {hidden_size}) or bias ({}) with `rows` behind the gate, from two names,
/// one fused [gate; up], or ungated.
Transform fc1(const std::string& hf, const TransformerConfig& config, std::int64_t rows, const Shape& inner);

/// What the indexer of sparse attention is called in a layer (mixer_rules.hpp, add_latent_attention).
inline constexpr const char* kIndexer = "self_attention.core_attention.indexer.";

/// The layers whose entry in a per-layer list is `value`.
Layers layers_with(const std::vector<std::int64_t>& list, std::int64_t value);

/// Where a Hugging Face state has the multi-token-prediction block {t}. Names are whole.
struct MtpNames {
  std::string layer;              ///< its decoder layer, to which DecoderNames' names are relative
  std::string projection;         ///< of [embedding; hidden state], without ".weight"
  std::string embedding_norm;     ///< of the embedding, before the projection
  std::string hidden_norm;        ///< of the hidden state, before the projection
  std::string final_norm;         ///< behind the layer
  std::string embedding, head;    ///< copies of the embedding and of the output layer; empty: none are stored
  bool hidden_first = false;      ///< the projection is of [hidden state; embedding]
  std::string pre_mlp_norm = {};  ///< DecoderNames' of a block with a dense MLP; empty: the same
};

/// "num_nextn_predict_layers": how many such blocks there are.
void bind_prediction_blocks(ConfigBinding& b, std::int64_t& blocks);

/// Multi-token prediction: as many blocks as the config says, each built like the last decoder layer, or with
/// a dense MLP (TransformerConfig::mtp_dense), or with the attention of layers with a window (mtp_windowed).
/// Megatron shares embedding and output layer with the decoder, so copies in the state must be equal to them.
/// Call it when all rules of the decoder are there.
void add_mtp(Mapping& map, const TransformerConfig& config, const DecoderNames& names, const MtpNames& mtp);

/// Block t is the state's layer num_layers + t, with "eh_proj", "enorm", "hnorm" and `final_norm`; no copies.
MtpNames mtp_names(const TransformerConfig& config, const DecoderNames& names,
                   const std::string& final_norm = "final_layernorm");
/// As DeepSeek-V3 stores it: so, with "shared_head.norm" and copies "embed_tokens" and "shared_head.head".
void add_mtp(Mapping& map, const TransformerConfig& config, const DecoderNames& names);
/// As Qwen3-Next and K-EXAONE have it: the one block beside the decoder's layers, "mtp.layers.0"; no copies.
MtpNames separate_mtp_names();

/// A config.json that announces such blocks (num_nextn_predict_layers) where no tensor is of one: without
/// them. transformers leaves them out when it saves a model, and leaves the config as it was
/// (modeling_deepseek_v3.py and modeling_glm4_moe.py, _keys_to_ignore_on_load_unexpected).
nlohmann::json without_absent_blocks(const ConfigReader& config, const TensorSource& tensors);
/// The same where separate_mtp_names() are the tensors' and `key` counts blocks: 1 where there are such
/// tensors, announced or not, 0 where not.
nlohmann::json with_separate_blocks(const ConfigReader& config, const TensorSource& tensors,
                                    const std::string& key);

}  // namespace mhub
