// SPDX-License-Identifier: Apache-2.0
// The one table of fields (fields.hpp says what an entry holds). The order is that of flags and limits in
// reports; a field stands behind those that its reading depends on.
#include <algorithm>
#include <array>

#include "mhub/config/field_entry.hpp"

namespace mhub {
namespace {

using C = TransformerConfig;
using field_entry::field, field_entry::part, field_entry::presence;

/// Whether a hybrid model has layers of one of these kinds; every other model has them.
bool has_layers(const C& c, const char* symbols) {
  return c.hybrid_layer_pattern.empty() || c.hybrid_layer_pattern.find_first_of(symbols) != std::string::npos;
}
bool has_mlp(const C& c) { return has_layers(c, "-E"); }
bool attends(const C& c) { return has_layers(c, "*+D"); }
bool rotates(const C& c) { return attends(c) && c.position_embedding_type == PositionEmbedding::rope; }
template <RopeKind... Kinds>
bool scales(const C& c) {
  return rotates(c) && ((c.rope_scaling.type == Kinds) || ...);
}
bool predicts_beside_experts(const C& c) { return c.moe && c.mtp_num_layers > 0; }
bool has_dense_blocks(const C& c) { return predicts_beside_experts(c) && c.mtp_dense; }
/// A model with experts in every layer has no other MLP.
bool has_dense_mlp(const C& c) {
  if (has_dense_blocks(c)) return true;
  if (!c.hybrid_layer_pattern.empty() || !c.moe) return has_layers(c, "-");
  return std::find(c.moe->layer_freq.begin(), c.moe->layer_freq.end(), 0) != c.moe->layer_freq.end();
}
/// To choose all groups is no choice (moe_utils.py, group_limited_topk). Megatron-Bridge states one of one
/// where config.json does (exaone_moe_bridge.py).
bool chooses_groups(const C& c) {
  return c.moe->router_group_topk > 0 && c.moe->router_group_topk != c.moe->router_num_groups;
}
bool gated(const C& c) { return c.gated_linear_unit; }
bool not_latent(const C& c) { return attends(c) && !c.mla; }  // latent attention does not look at them
bool sees_all(const C& c) {
  return !c.sparse_attention;
}  // DSAttention has neither windows nor sinks (dsa.py)
bool gpt_model_rotates(const C& c) { return rotates(c) && not_latent(c); }
/// Entry of a layer of softmax attention, of a window, of experts, where every so many-th layer is another.
std::int64_t but_every(std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 0 : 1; }
std::int64_t only_every(std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 1 : 0; }

void divide_by_heads(C& c) {
  if (c.num_attention_heads > 0) c.kv_channels = c.hidden_size / c.num_attention_heads;
}
bool norms_behind(const C& c) { return !c.pre_norms || c.post_norms; }
nlohmann::json pattern_meaning(const C& c) {
  std::string pattern = c.hybrid_layer_pattern;
  std::erase(pattern, '|');  // pipeline stages
  return pattern;
}

constexpr Range kPositive{1e-6, 1e9}, kAny{-1e9, 1e9}, kBase{1e-3, 1e15};

// clang-format off
constexpr auto kFields = std::to_array<Field>({
    // Images.
    part<ImageConfig>({.bind = bind_image}),
    field<&ImageConfig::vision_model_type>({.key = true}),
    field<&ImageConfig::image_size>({.key = true, .runs = kSize}),
    field<&ImageConfig::patch_size>({.key = true, .runs = kSize}),
    field<&ImageConfig::num_channels>({.key = true, .runs = kSize}),
    part<VisionConfig>({.bind = bind_vision, .add_flags = add_vision_flags, .add_limits = add_vision_limits}),
    {.part = "vision", .member = "tower", .there = presence<VisionConfig>(),
     .meaning = [](const C& c) { return described(*c.vision->tower); }},
    field<&VisionConfig::unused_layers>({.key = true}),
    field<&VisionConfig::drop_class_token>({.key = true, .add_export_notes = add_siglip_note}),
    field<&VisionConfig::projector_activation>({.key = true}),
    field<&VisionConfig::projector_ffn_hidden_size>({.key = true, .runs = kSize}),
    field<&VisionConfig::projector_bias>({.key = true}),
    field<&VisionConfig::image_token_index>({.key = true}),

    // Sizes.
    field<&C::bridge_provider>({.run_config = "_target_", .compared = false}),
    field<&C::local_spec_only>({.compared = false, .runs = kYes}),
    field<&C::num_layers>({.core = kOwn, .args_copy = "encoder_num_layers", .required = true, .runs = kSize}),
    field<&C::hidden_size>({.core = kOwn, .required = true, .runs = kSize}),
    field<&C::ffn_hidden_size>({.core = kOwn, .absent = [](C& c) { c.ffn_hidden_size = 4 * c.hidden_size; },
     .matters = [](const C& c) { return has_dense_mlp(c) && has_layers_alike(c); }, .runs = kSize}),
    field<&C::num_attention_heads>({.core = kOwn, .required = true, .matters = attends, .runs = kSize}),
    field<&C::num_query_groups>({.core = kOwn, .bind = bind_query_groups, .required = true,
     .matters = [](const C& c) { return not_latent(c) && has_layers_alike(c); }, .runs = kSize}),
    field<&C::kv_channels>({.core = kOwn, .absent = divide_by_heads, .matters = not_latent, .runs = kSize}),
    field<&C::vocab_size>({.bind = bind_vocabulary, .required = true,
     .matters = [](const C& c) { return !c.image; }, .runs = kSize}),
    field<&C::max_position_embeddings>({.args = kOwn, .run_config = "seq_length", .args_copy = "seq_length",
     .runs = kSize}),

    // What training starts from.
    field<&TrainingDefaults::attention_dropout>({.core = kOwn, .compared = false}),
    field<&TrainingDefaults::hidden_dropout>({.core = kOwn, .compared = false}),
    field<&TrainingDefaults::init_method_std>({.core = kOwn, .compared = false}),

    // Norms.
    field<&C::normalization>({.core = kOwn, .absent = [](C& c) { c.normalization = Normalization::layer; },
     .runs = kYes}),
    field<&C::layernorm_epsilon>({.core = kOwn, .bind = bind_epsilon, .flag = "--norm-epsilon",
     .runs = Range{0, 1}}),
    // 0.19 stores the flag under the second name, and --use-checkpoint-args restores it for neither.
    field<&C::layernorm_zero_centered_gamma>({.core = kOwn, .args = "apply_layernorm_1p",
     .args_copy = "layernorm_zero_centered_gamma", .flag = kOwn, .runs = kYes}),

    // Positions.
    field<&C::position_embedding_type>({.bind = bind_positions, .matters = attends, .runs = kYes}),
    field<&C::rotary_base>({.core = kOwn, .bind = bind_rotary_base, .matters = rotates, .runs = kBase}),
    field<&C::rotary_percent>({.core = kOwn, .bind = bind_rotary_percent,
     .matters = gpt_model_rotates, .runs = Range{1e-3, 1}}),
    field<&C::rotary_interleaved>({.core = kOwn, .matters = rotates, .runs = kYes}),
    field<&RopeScaling::type>({.add_flags = add_rope_flags, .add_limits = add_rope_limits, .matters = rotates,
     .runs = kYes}),
    field<&RopeScaling::factor>({
     .matters = [](const C& c) { return rotates(c) && !scales<RopeKind::none>(c); }, .runs = kPositive}),
    field<&RopeScaling::original_max_position_embeddings>({.key = true,
     .matters = scales<RopeKind::dynamic, RopeKind::llama3, RopeKind::yarn, RopeKind::longrope>,
     .runs = kSize}),
    field<&RopeScaling::low_freq_factor>({.key = true, .matters = scales<RopeKind::llama3>, .runs = kPositive}),
    field<&RopeScaling::high_freq_factor>({.key = true, .matters = scales<RopeKind::llama3>, .runs = kYes}),
    field<&RopeScaling::beta_fast>({.key = true, .matters = scales<RopeKind::yarn>, .runs = kPositive}),
    field<&RopeScaling::beta_slow>({.key = true, .matters = scales<RopeKind::yarn>, .runs = kPositive}),
    field<&RopeScaling::truncate>({.key = true, .matters = scales<RopeKind::yarn>, .runs = kYes}),
    field<&RopeScaling::mscale>({.key = true, .default_is = kUnsaid, .matters = scales<RopeKind::yarn>,
     .runs = kYes}),
    field<&RopeScaling::mscale_all_dim>({.key = true, .default_is = kUnsaid,
     .matters = scales<RopeKind::yarn>, .runs = kYes}),
    field<&RopeScaling::short_factor>({.key = true, .matters = scales<RopeKind::longrope>, .runs = kPositive}),
    field<&RopeScaling::long_factor>({.key = true, .matters = scales<RopeKind::longrope>, .runs = kPositive}),
    field<&RopeScaling::partial_rotary_factor>({.key = true, .matters = scales<RopeKind::proportional>,
     .runs = Range{0, 1}}),
    field<&RopeScaling::attention_factor>({.key = true, .default_is = kUnsaid,
     .matters = scales<RopeKind::yarn, RopeKind::longrope>, .runs = kYes}),
    field<&C::rotary_base_local>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "a rotary base of their own for layers with a window: GPTModel cannot",
     .matters = rotates, .runs = kBase}),

    // Attention.
    field<&C::qk_layernorm>({.core = kOwn, .flag = kOwn, .runs = kYes}),
    field<&C::qk_l2_norm>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn, .runs = kYes}),
    field<&C::sliding_window>({.bind = bind_window, .add_flags = add_window_flag, .matters = sees_all, .runs = kSize}),
    field<&C::window_layers>({.args = "window_attn_skip_freq", .run_config = "window_attn_skip_freq",
     .default_is = kUnsaid, .entry = but_every, .flag = kOwn,
     .matters = [](const C& c) { return c.sliding_window.has_value() && sees_all(c); },
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.window_layers, 1)); }, .runs = kYes}),
    field<&C::no_rope_layers>({.args = "no_rope_freq", .run_config = "no_rope_freq", .default_is = kUnsaid,
     .entry = only_every, .flag = kOwn, .matters = gpt_model_rotates,
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.no_rope_layers, 0)); }, .runs = kYes}),
    part<AttentionKind>({.args = "hf_full_attention_query_groups",
     .limit = "layers without a window whose heads are of other sizes or numbers: Megatron-Core has one of each",
     .matters = not_latent, .runs = kYes}),
    field<&AttentionKind::num_query_groups>({.args = "hf_full_attention_query_groups", .matters = not_latent,
     .runs = kSize}),
    field<&AttentionKind::kv_channels>({.args = "hf_full_attention_kv_channels", .matters = not_latent,
     .runs = kSize}),
    field<&AttentionKind::key_is_value>({.args = "hf_full_attention_key_is_value", .default_is = kUnsaid,
     .matters = not_latent, .runs = kYes}),
    field<&AttentionKind::softmax_type>({.args = "hf_full_attention_softmax_type", .default_is = kUnsaid,
     .limit = "sinks in layers with a window alone, or in the others alone: Megatron-Core has them in all or none",
     .limited = [](const C& c) { return c.full_attention->softmax_type != c.softmax_type; },
     .matters = sees_all, .runs = kYes}),
    part<SharedKeysConfig>({.args = "hf_shared_key_layers",
     .limit = "layers that share keys and values of another one: Megatron-Core's have their own",
     .matters = not_latent, .runs = kYes}),
    field<&SharedKeysConfig::num_layers>({.args = "hf_shared_key_layers", .matters = not_latent, .runs = kSize}),
    field<&SharedKeysConfig::stored>({.args = "hf_shared_keys_stored", .default_is = kUnsaid, .compared = false,
     .runs = kYes}),
    field<&SharedKeysConfig::wide_mlp>({.args = "hf_shared_keys_wide_mlp", .default_is = kUnsaid,
     .limit = "MLPs of two sizes: Megatron-Core's dense layers have one", .runs = kYes}),
    field<&C::value_norm>({.args = kHf, .default_is = kUnsaid,
     .limit = "norms without weights on v: SelfAttention has norms on q and k alone", .matters = not_latent,
     .runs = kYes}),
    field<&C::key_is_value>({.args = kHf, .default_is = kUnsaid,
     .limit = "keys as values: SelfAttention projects both", .matters = not_latent, .runs = kYes}),
    field<&C::value_channels>({.args = kHf, .default_is = kUnsaid,
     .limit = "heads of values of another size than those of keys: SelfAttention has one size",
     .matters = not_latent, .runs = kSize}),
    field<&C::value_multiplier>({.args = kHf, .default_is = kUnsaid,
     .limit = "a multiplier on values: SelfAttention has none", .matters = not_latent, .runs = kAny}),
    field<&C::add_bias_linear>({.core = kOwn, .bind = bind_biases, .runs = kYes}),
    field<&C::add_qkv_bias>({.core = kOwn, .matters = not_latent,
     .meaning = [](const C& c) { return nlohmann::json(c.add_qkv_bias || c.add_bias_linear); }, .runs = kYes}),

    // MLP and residual branches.
    field<&C::activation>({.bind = bind_activation, .add_flags = add_gelu_flag,
     .needs_spec = activation_needs_spec, .add_limits = add_activation_limits, .matters = has_mlp,
     .meaning = [](const C& c) { return nlohmann::json(name_of(function_of(c.activation))); }, .runs = kYes}),
    field<&C::parallel_residual>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "attention and MLP side by side: TransformerLayer cannot", .runs = kYes}),
    field<&C::shared_pre_norm>({.args = kHf, .default_is = kUnsaid, .runs = kYes}),
    field<&C::pre_norms>({.args = kHf, .default_is = kUnsaid,
     .limit = "prediction blocks with norms behind attention and MLP: Megatron-LM builds them without, also beside "
              "a layer spec (models/gpt.py, mtp_block_spec), Megatron-Bridge's provider can",
     .limited = [](const C& c) { return c.mtp_num_layers > 0 && norms_behind(c); }, .runs = kYes}),
    field<&C::post_norms>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "norms behind attention and MLP: TransformerLayer cannot",
     .limited = norms_behind, .runs = kYes}),
    field<&C::residual_multiplier>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "a multiplier on residual branches: TransformerLayer cannot", .runs = kAny}),
    part<LayerEmbeddingConfig>({.args = "hf_layer_embedding_size",
     .limit = "embeddings for each layer: TransformerLayer has no place for them", .runs = kYes}),
    field<&LayerEmbeddingConfig::vocab_size>({.args = "hf_layer_embedding_vocab_size", .runs = kSize}),
    field<&LayerEmbeddingConfig::size>({.args = "hf_layer_embedding_size", .runs = kSize}),
    field<&C::layer_scalar>({.args = kHf, .default_is = kUnsaid,
     .limit = "a number behind each layer: TransformerLayer has none", .runs = kYes}),
    field<&C::qk_layernorm_over_heads>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "norms on q and k over all heads: SelfAttention cannot",
     .limited = [](const C& c) { return c.qk_layernorm && c.qk_layernorm_over_heads; }, .runs = kYes}),
    field<&C::qk_layernorm_per_head>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "norms on q and k with a weight for each head: SelfAttention has one for all",
     .limited = [](const C& c) { return c.qk_layernorm && c.qk_layernorm_per_head; }, .runs = kYes}),
    field<&C::qk_layernorm_rotated>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "norms on q and k behind the rotation: SelfAttention has them in front of it",
     .limited = [](const C& c) { return c.qk_layernorm && c.qk_layernorm_rotated; }, .runs = kYes}),
    field<&C::layernorm_bias>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "LayerNorm without bias: Megatron's norms have one",
     .matters = [](const C& c) { return c.normalization == Normalization::layer; }, .runs = kYes}),
    field<&C::attention_proj_bias>({.args = kHf, .default_is = kUnsaid,
     .limit = "bias on linear_proj alone: Megatron-Core has one setting for all linear layers",
     .limited = [](const C& c) { return c.attention_proj_bias && !c.add_bias_linear; },
     .meaning = [](const C& c) { return nlohmann::json(c.attention_proj_bias || c.add_bias_linear); }, .runs = kYes}),
    field<&C::softmax_scale>({.core = kOwn, .default_is = kUnsaid, .matters = not_latent, .runs = Range{1e-9, 1e9}}),
    field<&C::embedding_multiplier>({.bind = bind_multipliers, .add_flags = add_multiplier_flags, .runs = kAny}),

    // Experts.
    part<MoeConfig>({.core = "num_moe_experts", .args = "num_experts", .default_is = kNull, .bind = bind_moe,
     .add_flags = [](Lines& flags, const C& c) {
       // experts.py, TEGroupedMLP, refuses the fusion, which is the default.
       if (c.add_bias_linear) flags.emplace_back("--no-bias-dropout-fusion");
     }, .runs = kYes}),
    field<&MoeConfig::num_experts>({.core = "num_moe_experts", .args = "num_experts", .runs = kSize}),
    field<&MoeConfig::ffn_hidden_size>({.core = kOwn,
     .absent = [](C& c) { c.moe->ffn_hidden_size = c.ffn_hidden_size; }, .runs = kSize}),
    field<&MoeConfig::latent_size>({.core = kOwn, .default_is = kNull, .runs = kYes}),
    field<&MoeConfig::router_topk>({.core = kOwn, .runs = kSize}),
    field<&MoeConfig::layer_freq>({.core = kOwn, .bind = bind_moe_layers,
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.moe->layer_freq, 1)); }, .runs = kYes}),
    field<&MoeConfig::shared_expert_intermediate_size>({.core = kOwn, .default_is = kNull, .runs = kYes}),
    field<&MoeConfig::shared_expert_gate>({.core = kOwn, .flag = kOwn,
     .matters = [](const C& c) { return c.moe->shared_expert_intermediate_size > 0; }, .runs = kYes}),
    field<&MoeConfig::router_score_function>({.core = kOwn, .bind = bind_router_score,
     .spec_limit = "a softmax, corrected for the choice of experts: Megatron-Core corrects a sigmoid only",
     .limited = corrects_softmax, .runs = kYes}),
    field<&MoeConfig::router_pre_softmax>({.core = kOwn,
     .limit = "one expert a token, whose weight is 1 after a softmax over the chosen: Megatron-Core "
              "refuses it, as its router would not learn (transformer_config.py)",
     .limited = [](const C& c) { return c.moe->router_topk == 1 && !c.moe->router_pre_softmax; },
     .matters = [](const C& c) { return c.moe->router_score_function == RouterScore::softmax; }, .runs = kYes}),
    field<&MoeConfig::router_enable_expert_bias>({.core = kOwn, .runs = kYes}),
    field<&MoeConfig::router_num_groups>({.core = kOwn, .default_is = kNull, .flag = kOwn,
     .matters = chooses_groups, .runs = kYes}),
    field<&MoeConfig::router_group_topk>({.core = kOwn, .default_is = kNull, .flag = kOwn,
     .meaning = [](const C& c) { return nlohmann::json(chooses_groups(c) ? c.moe->router_group_topk : 0); },
     .runs = kYes}),
    field<&MoeConfig::router_group_score_topk>({.bind = bind_group_score, .add_limits = add_group_score_limit,
     .matters = chooses_groups, .runs = kYes}),
    field<&MoeConfig::router_topk_scaling_factor>({.core = kOwn, .default_is = kNull, .runs = kAny}),
    field<&MoeConfig::apply_probs_on_input>({.core = kOwn, .flag = kOwn, .runs = kYes}),
    field<&MoeConfig::router_scaled>({.args = "hf_moe_router_scaled", .default_is = kUnsaid,
     .limit = "a router with a norm and scales of its own: Megatron-Core's has none", .runs = kYes}),
    field<&MoeConfig::separate_norms>({.args = "hf_moe_separate_norms", .default_is = kUnsaid,
     .limit = "norms of their own for experts and shared expert: Megatron-Core's MoELayer has none", .runs = kYes}),
    field<&MoeConfig::router_fp32>({.bind = bind_router_dtype, .flag = "--moe-router-dtype fp32",
     .compared = false}),
    field<&TrainingDefaults::moe_aux_loss_coeff>({.bind = bind_aux_loss, .compared = false}),

    // Latent attention.
    part<MlaConfig>({.bind = bind_latent_attention, .flag = "--multi-latent-attention",
     .add_limits = add_latent_yarn_limit, .add_export_notes = add_latent_epsilon_note, .runs = kYes}),
    field<&MlaConfig::q_lora_rank>({.core = kOwn, .default_is = kNull, .flag = kOwn,
     .limit = "latent attention without q_lora_rank: megatron-core 0.19 puts a norm before linear_q_proj "
              "that the model has not (mla_qk_norm_config.py); 0.16 does not",
     .limited = [](const C& c) { return c.mla->q_lora_rank == 0; }, .runs = kSize}),
    field<&MlaConfig::kv_lora_rank>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&MlaConfig::qk_head_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&MlaConfig::qk_pos_emb_head_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&MlaConfig::v_head_dim>({.core = kOwn, .flag = kOwn, .add_flags = add_rope_type_flags,
     .runs = kSize}),

    // Sparse attention.
    part<SparseAttentionConfig>({.bind = bind_sparse_attention, .add_flags = add_sparse_attention_flags,
     .limit = "sparse attention (DSA) needs megatron-core 0.19 or later with TransformerEngine", .runs = kYes}),
    field<&SparseAttentionConfig::n_heads>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&SparseAttentionConfig::head_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&SparseAttentionConfig::topk>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&SparseAttentionConfig::topk_freq>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn, .runs = kSize}),
    field<&SparseAttentionConfig::skip_topk_offset>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn,
     .matters = [](const C& c) { return c.sparse_attention->topk_freq > 1; },
     .meaning = [](const C& c) {
       return nlohmann::json(std::max<std::int64_t>(c.sparse_attention->skip_topk_offset, 1));
     }, .runs = kYes}),
    field<&SparseAttentionConfig::rope_interleaved>({.core = kOwn, .flag = kOwn, .runs = kYes}),
    field<&SparseAttentionConfig::k_norm_epsilon>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn,
     .meaning = [](const C& c) {
       return nlohmann::json(c.sparse_attention->k_norm_epsilon.value_or(c.layernorm_epsilon));
     }, .runs = kYes}),

    // Logits.
    field<&C::attn_logit_softcapping>({.args = kOwn, .run_config = kOwn, .default_is = kUnsaid,
     .spec_limit = "capped attention logits: Megatron-Core's attention cannot", .runs = kPositive}),
    field<&C::final_logit_softcapping>({.args = kOwn, .run_config = kOwn, .default_is = kUnsaid,
     .spec_limit = "capped logits: GPTModel cannot", .runs = kPositive}),
    field<&C::output_layer_bias>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "a bias on the output layer: GPTModel cannot", .runs = kYes}),
    field<&C::normalized_output_layer>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "rows of the output layer scaled to length 1: GPTModel cannot", .runs = kYes}),
    field<&C::logits_multiplier>({
     .limit = "multipliers or a scale of attention need a megatron-core with MuP (0.17 and later)",
     .limited = has_multipliers, .runs = kAny}),
    field<&C::share_embeddings_and_output_weights>({.bind = bind_tied_embeddings, .runs = kYes}),

    // Other mixers.
    field<&C::attention_output_gate>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn, .runs = kYes}),
    part<LinearAttentionConfig>({.bind = bind_linear_attention,
     .flag = "--experimental-attention-variant gated_delta_net",
     .limit = "layers of gated delta net need megatron-core 0.16 or later with TransformerEngine and "
              "flash-linear-attention", .runs = kYes}),
    field<&LinearAttentionConfig::layer_freq>({.core = "linear_attention_freq", .entry = but_every,
     .flag = kOwn, .runs = kYes}),
    field<&LinearAttentionConfig::conv_kernel_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&LinearAttentionConfig::key_head_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&LinearAttentionConfig::value_head_dim>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&LinearAttentionConfig::num_key_heads>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&LinearAttentionConfig::num_value_heads>({.core = kOwn, .flag = kOwn, .runs = kSize}),
    field<&C::hybrid_layer_pattern>({.core = kOwn, .default_is = kUnsaid, .bind = bind_hybrid_pattern,
     .meaning = pattern_meaning, .runs = kYes}),
    field<&C::mtp_hybrid_layer_pattern>({.default_is = kUnsaid,
     .matters = [](const C& c) { return c.mtp_num_layers > 0; }, .runs = kYes}),
    part<MambaConfig>({.bind = bind_mamba,
     .limit = "an epsilon of the norms in Mamba mixers other than 1e-5, which MambaMixer has (mamba_mixer.py)",
     .limited = [](const C& c) { return c.mamba && c.layernorm_epsilon != 1e-5; }, .runs = kYes}),
    field<&MambaConfig::num_heads>({.core = kOwn, .runs = kSize}),
    field<&MambaConfig::head_dim>({.core = kOwn, .runs = kSize}),
    field<&MambaConfig::num_groups>({.core = kOwn, .runs = kSize}),
    field<&MambaConfig::state_dim>({.core = kOwn, .runs = kSize}),
    field<&MambaConfig::conv_kernel_dim>({.runs = kSize}),
    part<HeterogeneousConfig>({.bind = bind_heterogeneous, .add_limits = add_layer_size_limits, .runs = kYes}),
    field<&HeterogeneousConfig::num_query_groups>({.bind = bind_layer_sizes, .runs = kYes}),
    // Read and written with the other.
    field<&HeterogeneousConfig::ffn_hidden_size>({.runs = kYes}),
    // The runtime leaves the blocks out: they predict further tokens, not the next.
    field<&C::mtp_num_layers>({.core = kOwn, .default_is = kUnsaid, .add_limits = add_prediction_limits,
     .runs = kYes}),
    field<&C::mtp_dense>({.args = kHf, .default_is = kUnsaid,
     .limit = "prediction blocks with a dense MLP behind layers of experts: Megatron-LM builds them like the "
              "last decoder layer (models/gpt.py, mtp_block_spec), Megatron-Bridge's provider can",
     .limited = has_dense_blocks, .matters = predicts_beside_experts, .runs = kYes}),
    field<&C::mtp_windowed>({.args = kHf, .default_is = kUnsaid,
     .limit = "prediction blocks that attend like the layers with a window: Megatron-LM builds them like the last "
              "decoder layer (models/gpt.py, mtp_block_spec), Megatron-Bridge's provider can",
     .matters = [](const C& c) { return c.full_attention && c.mtp_num_layers > 0; }, .runs = kYes}),

    // What few models have.
    field<&C::gated_linear_unit>({.run_config = kOwn, .absent = [](C& c) { c.gated_linear_unit = false; },
     .add_flags = add_gate_flag, .matters = has_mlp, .runs = kYes}),
    field<&C::activation_clamp>({.core = "activation_func_clamp_value", .default_is = kUnsaid, .flag = kOwn,
     .matters = gated, .runs = kPositive}),
    field<&C::glu_linear_offset>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn, .matters = gated, .runs = kAny}),
    field<&C::softmax_type>({.core = kOwn, .default_is = kUnsaid, .flag = kOwn, .matters = sees_all, .runs = kYes}),
    field<&C::attention_chunk_size>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "attention within chunks: Megatron-Core has windows only", .runs = kSize}),
    field<&C::qk_l2_norm_rotated_only>({.args = kHf, .default_is = kUnsaid,
     .spec_limit = "norms on q and k in layers that rotate only: SelfAttention has them in all",
     .limited = [](const C& c) { return c.qk_l2_norm && c.qk_l2_norm_rotated_only; },
     .matters = [](const C& c) { return gpt_model_rotates(c) && !c.no_rope_layers.empty(); }, .runs = kYes}),
    part<AttentionTemperature>({.args = "hf_attention_floor_scale", .add_limits = add_temperature_limit,
     .runs = kYes}),
    field<&AttentionTemperature::floor_scale>({.args = "hf_attention_floor_scale",
     .needs_spec = temperature_needs_spec, .matters = has_temperature, .runs = kSize}),
    field<&AttentionTemperature::scale>({.args = "hf_attention_temperature_scale",
     .needs_spec = temperature_needs_spec, .matters = has_temperature, .runs = Range{0, 1e9}}),
    field<&AttentionTemperature::first_position>({.args = "hf_attention_first_position",
     .matters = has_temperature, .runs = kYes}),
    field<&AttentionTemperature::everywhere>({.args = "hf_attention_temperature_everywhere",
     .matters = has_temperature, .runs = kYes}),
});
// clang-format on

}  // namespace

std::span<const Field> fields() { return kFields; }

}  // namespace mhub
