// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/config_binding.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub {

/// How a Hugging Face state stores the experts of a layer.
enum class ExpertStorage {
  separate,            ///< a module per expert, its name has the index variable {e}
  stacked,             ///< one tensor [experts, out, in]
  stacked_transposed,  ///< one tensor [experts, in, out]
};

/// Where the tensors of a layer of experts are in the Hugging Face state. Names are whole but for the layer
/// (DecoderNames::layer), because stacked experts have no ".weight".
struct MoeNames {
  std::string router = "mlp.gate.weight";
  std::string router_bias;  ///< where TransformerConfig::add_bias_linear asks for one
  std::string correction_bias = "mlp.gate.e_score_correction_bias";
  bool correction_is_row = false;  ///< [1, experts]
  ExpertStorage storage = ExpertStorage::separate;
  std::string fc1 = "mlp.experts.{e}.{gate,up}_proj.weight";  ///< two names, one fused [gate; up], or ungated
  std::string fc2 = "mlp.experts.{e}.down_proj.weight";
  std::string fc1_bias, fc2_bias;  ///< likewise
  /// With MoeConfig::latent_size: into the experts' space and out of it.
  std::string latent_fc1 = "mlp.fc1_latent_proj.weight", latent_fc2 = "mlp.fc2_latent_proj.weight";
  bool interleaved = false;  ///< one fused tensor, in which rows of gate and up alternate
  std::string shared_fc1 = "mlp.shared_experts.{gate,up}_proj.weight";
  std::string shared_fc2 = "mlp.shared_experts.down_proj.weight";
  std::string shared_gate = "mlp.shared_expert_gate.weight";
  /// With MoeConfig::router_scaled.
  std::string router_scale = "router.scale", expert_scale = "router.per_expert_scale";
  /// With MoeConfig::separate_norms, where DecoderNames::pre_mlp_norm is the experts' and post_mlp_norm that
  /// of the sum: without ".weight".
  std::string shared_pre_norm = "pre_feedforward_layernorm",
              shared_post_norm = "post_feedforward_layernorm_1";
  std::string experts_post_norm = "post_feedforward_layernorm_2";
};

/// The layers of experts, and the others (TransformerConfig::moe).
Layers moe_layers(const TransformerConfig& config);
Layers dense_layers(const TransformerConfig& config);

/// The norm before the MLP, router, experts (with the index variable "e") and shared experts of all layers of
/// experts. Canonical expert names are SequentialMLP's, with global numbers (mapping/identity.hpp).
void add_moe(Mapping& map, const TransformerConfig& config, const DecoderNames& names, const MoeNames& moe);

/// Dense MLPs in the dense layers, experts in the others.
void add_mlps(Mapping& map, const TransformerConfig& config, const DecoderNames& names, const MoeNames& moe);

/// The whole mapping of a decoder with softmax attention in every layer and experts in some.
Mapping moe_decoder_mapping(const TransformerConfig& config, const DecoderNames& names, const MoeNames& moe);

/// The same mapping for a state in which the experts of a layer, declared as modules of their own, lie
/// together as transformers 5 has them in memory: "...experts.gate_up_proj" [experts, gate and up, in]
/// (up_proj without a gate) and "...experts.down_proj" [experts, out, in].
/// save_pretrained(save_original_format=False) writes them so.
Mapping with_stacked_experts(const Mapping& mapping);
/// A mapping with stacked experts for a state that has their matrices the other way round, [in, out] for
/// [out, in]. Models are published so that transformers 5 saves turned (conversion_mapping.py,
/// "qwen3_vl_moe").
Mapping with_turned_experts(const Mapping& mapping);

// Parts of configs.

/// The mixture-of-experts part of `b.megatron`, made where it is missing.
MoeConfig& moe_config(ConfigBinding& b);
/// "The first `value` layers are dense" (first_k_dense_replace) <-> MoeConfig::layer_freq.
void bind_leading_dense_layers(ConfigBinding& b, const std::string& key, std::int64_t& value,
                               std::int64_t layers);
/// The same as "mlp_layer_types" says it, one of "dense" and "sparse" a layer, which transformers takes alone
/// where it knows it; the models' own configs have `key`. Call it in front of bind_leading_dense_layers.
void bind_mlp_layer_types(ConfigBinding& b, const std::string& key, std::int64_t value, std::int64_t layers);
/// `decoder_sparse_step` (every step-th layer has experts) without `mlp_only_layers` <->
/// MoeConfig::layer_freq, which stays empty where all layers have experts.
void bind_sparse_layers(ConfigBinding& b, std::int64_t& step, std::vector<std::int64_t>& dense,
                        std::int64_t layers);
/// Shared experts as a number of experts' sizes, absent for none <-> their common size. The size of one must
/// be bound already.
void bind_shared_experts(ConfigBinding& b, const std::string& key, std::optional<std::int64_t>& count);
/// `n_group` and `topk_group`; a single group, and no groups, are the same as all groups.
void bind_expert_groups(ConfigBinding& b, std::optional<std::int64_t>& groups,
                        std::optional<std::int64_t>& chosen);
/// The softmax router of most: "norm_topk_prob" divides the chosen experts' weights by their sum, which is a
/// softmax over them alone <-> MoeConfig::router_pre_softmax.
void bind_softmax_router(ConfigBinding& b, bool& norm_topk_prob);
/// The same of code that divides only where several experts are chosen (modeling_deepseek.py of DeepSeekMoE,
/// modeling_bailing_moe.py).
void bind_several_softmax_router(ConfigBinding& b, bool& norm_topk_prob, std::int64_t experts_per_token);
/// The sigmoid router of DeepSeek-V3: a correction bias for the choice, weights divided by their sum. Groups
/// of experts, which are bound before, count by their two best.
/// `score_key` says "sigmoid"; empty: no field says it.
void bind_sigmoid_router(ConfigBinding& b, std::int64_t experts_per_token,
                         const std::string& score_key = "scoring_func");

}  // namespace mhub
