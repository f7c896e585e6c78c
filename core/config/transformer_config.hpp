// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mhub {

// What a model has one of. Each enumeration has one table of names, in its order: those of transformers where
// a config.json states it, else Megatron-Core's.

/// The names of an enumeration's values.
template <typename E>
inline constexpr bool kNames = false;
constexpr auto name_table(auto... name) { return std::array{std::string_view(name)...}; }

/// Megatron's position_embedding_type.
enum class PositionEmbedding { rope, learned_absolute, none };
template <>
inline constexpr auto kNames<PositionEmbedding> = name_table("rope", "learned_absolute", "none");

enum class Normalization { rms, layer };
template <>
inline constexpr auto kNames<Normalization> = name_table("RMSNorm", "LayerNorm");

/// transformers' kinds of rotary scaling (modeling_rope_utils.py).
enum class RopeKind { none, linear, dynamic, llama3, yarn, longrope, proportional };
template <>
inline constexpr auto kNames<RopeKind> = name_table("default", "linear", "dynamic", "llama3", "yarn",
                                                    "longrope", "proportional");

/// transformers' names of functions (activations.py, ACT2FN) as far as Megatron or mhub's runtime computes
/// them. Some functions have several: see function_of.
enum class ActivationFunction {
  silu,
  swish,
  gelu,
  gelu_python,
  gelu_pytorch_tanh,
  gelu_new,
  gelu_fast,
  gelu_python_tanh,
  gelu_accurate,
  quick_gelu,
  relu,
  relu2,
  linear,
  xielu  ///< with parameters of its own in every layer
};
template <>
inline constexpr auto kNames<ActivationFunction> = name_table("silu", "swish", "gelu", "gelu_python",
                                                              "gelu_pytorch_tanh", "gelu_new", "gelu_fast",
                                                              "gelu_python_tanh", "gelu_accurate",
                                                              "quick_gelu", "relu", "relu2", "linear",
                                                              "xielu");
/// The name that stands for all names of the same function.
ActivationFunction function_of(ActivationFunction activation);

enum class RouterScore { softmax, sigmoid };
template <>
inline constexpr auto kNames<RouterScore> = name_table("softmax", "sigmoid");

/// Megatron-Core's softmax_type; `learnable`: a sink logit per head.
enum class SoftmaxType { vanilla, learnable };
template <>
inline constexpr auto kNames<SoftmaxType> = name_table("vanilla", "learnable");

/// An enumeration with a table of names.
template <typename E>
concept NamedChoice = requires {
  kNames<E>.size();
};

template <NamedChoice E>
std::string name_of(E value) {
  return std::string(kNames<E>.at(static_cast<std::size_t>(value)));
}

template <NamedChoice E>
std::optional<E> find_named(std::string_view name) {
  const auto at = std::find(kNames<E>.begin(), kNames<E>.end(), name);
  if (at == kNames<E>.end()) return std::nullopt;
  return static_cast<E>(at - kNames<E>.begin());
}

/// Rotary position scaling as a Hugging Face config states it (transformers' modeling_rope_utils.py). Fields
/// that a kind does not use stay at their defaults.
struct RopeScaling {
  RopeKind type = RopeKind::none;
  double factor = 1.0;
  double low_freq_factor = 1.0;                          ///< llama3
  double high_freq_factor = 4.0;                         ///< llama3
  std::int64_t original_max_position_embeddings = 8192;  ///< llama3, yarn, longrope
  double beta_fast = 32.0, beta_slow = 1.0;              ///< yarn
  std::optional<double> attention_factor;                ///< yarn, longrope
  std::optional<double> mscale, mscale_all_dim;          ///< yarn as DeepSeek states it
  bool truncate = true;                           ///< yarn: round the correction range to whole dimensions
  std::vector<double> short_factor, long_factor;  ///< longrope: one per rotary frequency
  double partial_rotary_factor = 1.0;  ///< proportional: the share of a head's pairs that turn; the rest stay
};

/// Mixture of experts: Megatron-Core's moe_* fields without the prefix.
struct MoeConfig {
  std::int64_t num_experts = 0;      ///< num_moe_experts
  std::int64_t ffn_hidden_size = 0;  ///< of one expert
  /// Experts work in a space of so many dimensions, in front of them and behind them a projection; 0: in the
  /// hidden one.
  std::int64_t latent_size = 0;
  std::int64_t router_topk = 2;
  /// moe_layer_freq as a list, 1 for a layer of experts and 0 for a dense one; empty: experts in every layer
  /// and Megatron's default of 1. A list, even of ones alone, makes Megatron-Core keep one key per layer.
  std::vector<std::int64_t> layer_freq;
  std::int64_t shared_expert_intermediate_size = 0;  ///< 0: no shared expert
  bool shared_expert_gate = false;
  /// A softmax with a correction for the choice (router_enable_expert_bias): experts are chosen by the
  /// corrected softmax over all, and weighted by the softmax over the chosen ones.
  RouterScore router_score_function = RouterScore::softmax;
  /// softmax over all experts before the top-k (weights do not sum to one) or over the chosen ones
  bool router_pre_softmax = false;
  bool router_enable_expert_bias = false;  ///< a correction that counts for the choice alone
  std::int64_t router_num_groups = 0;      ///< 0: no choice of groups first
  std::int64_t router_group_topk = 0;      ///< groups chosen
  /// Best experts whose scores sum to a group's; Megatron-Core always takes router_topk / router_group_topk
  /// (moe_utils.py, group_limited_topk). 0 without groups.
  std::int64_t router_group_score_topk = 0;
  double router_topk_scaling_factor = 1.0;  ///< of the chosen experts' weights
  bool router_fp32 = false;                 ///< router_dtype "fp32"
  bool apply_probs_on_input = false;        ///< weights scale the experts' inputs, not their outputs
  /// The router reads its input behind a norm without weights, times a vector of its own and
  /// 1 / sqrt(hidden_size); the weights of each expert are multiplied by a number of its own.
  bool router_scaled = false;
  /// Experts and shared expert read the residual stream behind norms of their own, and have one each behind
  /// them, before they are summed; the router reads the stream as it is.
  bool separate_norms = false;
};

/// Multi-head latent attention (Megatron-Core's MLATransformerConfig).
struct MlaConfig {
  std::int64_t q_lora_rank = 0;  ///< 0: queries come from one projection
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_head_dim = 0;          ///< without rotation
  std::int64_t qk_pos_emb_head_dim = 0;  ///< rotated, shared by all heads on the key side
  std::int64_t v_head_dim = 0;
};

/// DeepSeek sparse attention: in latent attention, an indexer with heads of its own chooses the tokens that a
/// query sees (Megatron-Core's dsa_indexer_* fields without the prefix).
struct SparseAttentionConfig {
  std::int64_t n_heads = 64, head_dim = 128;
  std::int64_t topk = 2048;           ///< tokens that are chosen; up to so many, attention is dense
  std::int64_t topk_freq = 1;         ///< of so many layers one chooses, the next ones do as it does
  std::int64_t skip_topk_offset = 0;  ///< the last of the leading layers that all choose, counted from 1
  bool rope_interleaved = false;      ///< the indexer pairs neighbours, as latent attention does
  std::optional<double> k_norm_epsilon = std::nullopt;  ///< absent: layernorm_epsilon
};

/// Layers with a linear attention in the place of softmax attention (Megatron-Core's gated_delta_net).
struct LinearAttentionConfig {
  std::vector<std::int64_t> layer_freq;  ///< 1: linear, 0: softmax attention, per layer
  std::int64_t conv_kernel_dim = 4;
  std::int64_t key_head_dim = 128, value_head_dim = 128;
  std::int64_t num_key_heads = 16, num_value_heads = 32;
};

/// State-space layers (Megatron-Core's mamba_* fields).
struct MambaConfig {
  std::int64_t state_dim = 128, head_dim = 64, num_groups = 8, num_heads = 0;
  std::int64_t conv_kernel_dim = 4;
};

/// What a layer has in the place of a block's size where the block is missing, or is one linear layer.
inline constexpr std::int64_t kNoBlock = 0, kLinearBlock = -1;

/// Layers that differ in their sizes (Megatron-Core's HeterogeneousTransformerConfig), one entry a layer.
struct HeterogeneousConfig {
  std::vector<std::int64_t> num_query_groups;  ///< of attention, or kNoBlock, kLinearBlock
  std::vector<std::int64_t> ffn_hidden_size;   ///< of the MLP, or kNoBlock, kLinearBlock
};

/// Attention of a kind of layers where it is another than that of the other layers.
struct AttentionKind {
  std::int64_t num_query_groups = 0, kv_channels = 0;
  bool key_is_value = false;
  SoftmaxType softmax_type = SoftmaxType::vanilla;
};

/// Last layers that attend to keys and values of another one: of the last layer in front of them that has a
/// window where they have one, and none where they have none.
struct SharedKeysConfig {
  std::int64_t num_layers = 0;
  bool stored = false;    ///< they have projections of keys and values all the same, which nobody looks at
  bool wide_mlp = false;  ///< their MLPs are twice as wide
};

/// What a layer adds further, of its token and of what the decoder begins with.
struct LayerEmbeddingConfig {
  std::int64_t vocab_size = 0, size = 0;  ///< rows of the table, and numbers in one for each layer
};

/// Queries of layers without rotation (or of all) grow with their position: they are multiplied by
/// 1 + scale * log(1 + floor((position + first_position) / floor_scale)).
struct AttentionTemperature {
  std::int64_t floor_scale = 8192;
  double scale = 0.1;
  std::int64_t first_position = 1;  ///< what the first token's position counts as here
  bool everywhere = false;          ///< in layers that rotate, too
  bool operator==(const AttentionTemperature&) const = default;
};

/// Images as a model's input: squares of pixels take the place of tokens (Megatron-Core's CLIPViTModel,
/// megatron/core/models/vision/clip_vit_model.py). Such a model has no vocabulary.
struct ImageConfig {
  /// CLIPViTModel's model_subtype, Megatron-LM's vision_model_type: "clip" has a class token and a norm in
  /// front of the layers, "siglip" a bias on the patches' embedding and a norm behind the layers.
  std::string vision_model_type;
  std::int64_t image_size = 0, patch_size = 0;  ///< pixels along a side; patch_dim
  std::int64_t num_channels = 3;

  /// Pixels along a side that whole patches cover. transformers' convolution leaves out the rest (SigLIP's
  /// 384 pixels in patches of 14); CLIPViTModel asserts that there is none (clip_vit_model.py), so this is
  /// img_h.
  std::int64_t seen_size() const { return patch_size > 0 ? image_size / patch_size * patch_size : 0; }
  bool has_class_token() const { return vision_model_type == "clip"; }
};

struct TransformerConfig;

/// The vision part of a vision-language model as Megatron-Core's LLaVAModel has it
/// (megatron/core/models/multimodal): a vision transformer whose features, one for each patch, a two-layer
/// MLP takes into the space of the decoder's embeddings. The names in comments are Megatron-LM's arguments.
struct VisionConfig {
  /// With ImageConfig; num_layers are those that features come from. Never empty.
  std::shared_ptr<const TransformerConfig> tower;
  /// Layers of the Hugging Face model behind those: nothing uses them. They are carried.
  std::int64_t unused_layers = 0;
  bool drop_class_token = true;  ///< disable_vision_class_token
  ActivationFunction projector_activation = ActivationFunction::gelu;
  std::int64_t projector_ffn_hidden_size = 0;
  bool projector_bias = true;
  std::int64_t image_token_index = 0;  ///< the token that stands for an image, or for each of its patches
};

/// What training starts from and what the forward pass does not depend on. A Hugging Face config often has no
/// place for it.
struct TrainingDefaults {
  double attention_dropout = 0.0;
  double hidden_dropout = 0.0;
  double init_method_std = 0.02;
  double moe_aux_loss_coeff = 0.0;
};

/// What Megatron needs to know to build the model: the fields carry Megatron-Core's TransformerConfig /
/// GPTModel names. An architecture's plugin binds it to its config.json (config_binding.hpp). Everything else
/// that there is to know of a field stands in its entry of the table of fields (field_table.cpp): what
/// Megatron calls it, how it compares, what limits it, whether generation honours it.
/// Megatron-Bridge's provider of any HybridModel (TransformerConfig::bridge_provider).
inline constexpr const char* kHybridProvider =
    "megatron.bridge.models.hybrid.hybrid_provider.HybridModelProvider";

struct TransformerConfig {
  std::int64_t num_layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t ffn_hidden_size = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_query_groups = 0;  ///< equals num_attention_heads without grouped queries
  std::int64_t kv_channels = 0;       ///< head dimension
  std::int64_t vocab_size = 0;        ///< rows of the embedding before padding
  std::int64_t max_position_embeddings = 0;

  PositionEmbedding position_embedding_type = PositionEmbedding::rope;
  double rotary_base = 10000.0;
  double rotary_percent = 1.0;
  bool rotary_interleaved = false;
  RopeScaling rope_scaling;
  std::optional<double> rotary_base_local;   ///< of the layers with a window, unscaled (Gemma 3)
  std::vector<std::int64_t> no_rope_layers;  ///< 1: this layer does not rotate; empty: all rotate

  Normalization normalization = Normalization::rms;
  double layernorm_epsilon = 1e-5;
  bool layernorm_zero_centered_gamma = false;  ///< weights are stored minus one
  bool layernorm_bias = true;                  ///< LayerNorm with biases; RMSNorm never has one
  bool pre_norms = true;                       ///< norms before attention and MLP
  bool post_norms = false;                     ///< norms behind attention and MLP, before the residual sum
  ActivationFunction activation = ActivationFunction::silu;
  bool gated_linear_unit = true;
  std::optional<double> activation_clamp;  ///< activation_func_clamp_value
  double glu_linear_offset = 0.0;
  bool add_bias_linear = false;      ///< biases on linear_proj, linear_fc1, linear_fc2 (and qkv)
  bool add_qkv_bias = false;         ///< bias on linear_qkv
  bool attention_proj_bias = false;  ///< bias on linear_proj although add_bias_linear is false
  bool output_layer_bias = false;
  bool parallel_residual = false;  ///< attention and MLP read the same input and their outputs are summed
  bool shared_pre_norm = false;    ///< with parallel_residual: the MLP reads what attention's norm gives
  bool normalized_output_layer = false;  ///< rows of the output layer are scaled to length 1 when used
  bool share_embeddings_and_output_weights = false;

  bool qk_layernorm = false;
  bool qk_layernorm_over_heads = false;  ///< one norm over all heads together instead of one per head
  bool qk_layernorm_per_head = false;    ///< each head has a weight of its own
  bool qk_layernorm_rotated = false;     ///< norms on q and k behind the rotation
  bool qk_l2_norm = false;               ///< norm without weights; rotation leaves it as it is
  bool qk_l2_norm_rotated_only = false;  ///< not in layers that do not rotate
  bool value_norm = false;               ///< norm without weights on v
  bool key_is_value = false;  ///< no projection of v: it is k in front of its norm and its rotation
  bool attention_output_gate = false;
  std::optional<std::int64_t> value_channels;  ///< of heads of v, and of what they give; absent: kv_channels
  double value_multiplier = 1.0;               ///< of v
  std::optional<double> softmax_scale;         ///< absent: 1 / sqrt(kv_channels)
  SoftmaxType softmax_type = SoftmaxType::vanilla;
  std::optional<double> attn_logit_softcapping, final_logit_softcapping;
  std::optional<std::int64_t> sliding_window;  ///< tokens a query sees, itself included (HF's sliding_window)
  std::vector<std::int64_t> window_layers;     ///< 1: this layer has the window; empty: all have it
  /// Of the layers without a window, where they have this in the place of num_query_groups, kv_channels,
  /// key_is_value and softmax_type, which are those of the others then.
  std::optional<AttentionKind> full_attention;
  std::optional<SharedKeysConfig> shared_keys;
  /// In layers that rotate, queries see their own chunk of so many tokens only.
  std::optional<std::int64_t> attention_chunk_size;
  std::optional<AttentionTemperature> attention_temperature;

  double embedding_multiplier = 1.0;  ///< behind the embedding
  double residual_multiplier = 1.0;   ///< of what attention and MLP add
  double logits_multiplier = 1.0;     ///< behind the output layer
  std::optional<LayerEmbeddingConfig> layer_embeddings;
  bool layer_scalar = false;  ///< a number of its own behind each layer, which all of it is times

  std::optional<MoeConfig> moe;
  std::optional<MlaConfig> mla;
  std::optional<SparseAttentionConfig> sparse_attention;
  std::optional<LinearAttentionConfig> linear_attention;
  std::optional<MambaConfig> mamba;
  std::optional<HeterogeneousConfig> heterogeneous;  ///< in place of num_query_groups and ffn_hidden_size
  std::string hybrid_layer_pattern;                  ///< HybridModel's, one symbol a layer; empty: GPTModel
  std::int64_t mtp_num_layers = 0;                   ///< multi-token prediction blocks
  std::string mtp_hybrid_layer_pattern;              ///< HybridModel's, of the layers in each of them
  bool mtp_dense = false;            ///< of which each has a dense MLP, whatever the decoder's last layer has
  bool mtp_windowed = false;         ///< of which each attends like the layers that have a window
  std::optional<ImageConfig> image;  ///< a model of images instead of tokens
  /// A vision-language model: the fields above are its decoder's
  std::optional<VisionConfig> vision;

  TrainingDefaults training;
  /// The Megatron-Bridge class that builds the model, for run_config.yaml; empty: there is none
  std::string bridge_provider = "megatron.bridge.models.gpt_provider.GPTModelProvider";
  /// That class builds layers of Megatron's own modules alone, never of TransformerEngine's.
  bool local_spec_only = false;
};

/// Names of the fields in which two configs differ in the mathematics, "name (a, b)" each; empty: they build
/// the same function. Training defaults and the Bridge class are left out.
std::vector<std::string> differing_fields(const TransformerConfig& a, const TransformerConfig& b);

}  // namespace mhub
