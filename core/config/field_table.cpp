// SPDX-License-Identifier: Apache-2.0
// The one table of fields (fields.hpp says what an entry holds). The order is that of flags and limits in
// reports; a field stands behind those that its reading depends on.
#include <algorithm>
#include <array>

#include "mhub/config/field_access.hpp"
#include "mhub/config/field_functions.hpp"

namespace mhub {
namespace {

using C = TransformerConfig;

bool rotates(const C& c) { return c.position_embedding_type == PositionEmbedding::rope; }
template <RopeKind... Kinds>
bool scales(const C& c) {
  return rotates(c) && ((c.rope_scaling.type == Kinds) || ...);
}
bool not_latent(const C& c) { return !c.mla; }  // latent attention does not look at them
/// Entry of a layer of softmax attention, of a window, of experts, where every so many-th layer is another.
std::int64_t but_every(std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 0 : 1; }
std::int64_t only_every(std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 1 : 0; }

void divide_by_heads(C& c) {
  if (c.num_attention_heads > 0) c.kv_channels = c.hidden_size / c.num_attention_heads;
}
nlohmann::json pattern_meaning(const C& c) {
  std::string pattern = c.hybrid_layer_pattern;
  std::erase(pattern, '|');  // pipeline stages
  return pattern;
}

constexpr Range kPositive{1e-6, 1e9}, kAny{-1e9, 1e9}, kBase{1e-3, 1e15};

// Two lines an entry:

// Two lines an entry:
// clang-format off
constexpr auto kFields = std::to_array<Field>({
    // Images.
    {.name = "image", .value = part<ImageConfig>(), .bind = bind_image},
    {.name = "image.vision_model_type", .value = value<&ImageConfig::vision_model_type>(), .key = kOwn},
    {.name = "image.image_size", .value = value<&ImageConfig::image_size>(), .key = kOwn, .runs = kSize},
    {.name = "image.patch_size", .value = value<&ImageConfig::patch_size>(), .key = kOwn, .runs = kSize},
    {.name = "image.num_channels", .value = value<&ImageConfig::num_channels>(), .key = kOwn, .runs = kSize},
    {.name = "vision", .value = part<VisionConfig>(), .bind = bind_vision, .add_flags = add_vision_flags,
     .add_limits = add_vision_limits},
    {.name = "vision.tower", .value = {{}, presence<VisionConfig>()},
     .meaning = [](const C& c) { return described(*c.vision->tower); }},
    {.name = "vision.unused_layers", .value = value<&VisionConfig::unused_layers>(), .key = kOwn},
    {.name = "vision.drop_class_token", .value = value<&VisionConfig::drop_class_token>(), .key = kOwn},
    {.name = "vision.projector_activation", .value = value<&VisionConfig::projector_activation>(),
     .key = kOwn},
    {.name = "vision.projector_ffn_hidden_size", .value = value<&VisionConfig::projector_ffn_hidden_size>(),
     .key = kOwn, .runs = kSize},
    {.name = "vision.projector_bias", .value = value<&VisionConfig::projector_bias>(), .key = kOwn},
    {.name = "vision.image_token_index", .value = value<&VisionConfig::image_token_index>(), .key = kOwn},

    // Sizes.
    {.name = "bridge_provider", .value = value<&C::bridge_provider>(), .run_config = "_target_",
     .compared = false},
    {.name = "num_layers", .value = value<&C::num_layers>(), .core = kOwn, .args_copy = "encoder_num_layers",
     .required = true, .runs = kSize},
    {.name = "hidden_size", .value = value<&C::hidden_size>(), .core = kOwn, .required = true,
     .runs = kSize},
    {.name = "ffn_hidden_size", .value = value<&C::ffn_hidden_size>(), .core = kOwn,
     .absent = [](C& c) { c.ffn_hidden_size = 4 * c.hidden_size; }, .runs = kSize},
    {.name = "num_attention_heads", .value = value<&C::num_attention_heads>(), .core = kOwn, .required = true,
     .runs = kSize},
    {.name = "num_query_groups", .value = value<&C::num_query_groups>(), .core = kOwn,
     .bind = bind_query_groups, .required = true, .matters = not_latent, .runs = kSize},
    {.name = "kv_channels", .value = value<&C::kv_channels>(), .core = kOwn, .absent = divide_by_heads,
     .matters = not_latent, .runs = kSize},
    {.name = "vocab_size", .value = value<&C::vocab_size>(), .bind = bind_vocabulary, .required = true,
     .matters = [](const C& c) { return !c.image; }, .runs = kSize},
    {.name = "max_position_embeddings", .value = value<&C::max_position_embeddings>(), .args = kOwn,
     .run_config = "seq_length", .args_copy = "seq_length", .runs = kSize},

    // What training starts from.
    {.name = "training.attention_dropout", .value = value<&TrainingDefaults::attention_dropout>(),
     .core = kOwn, .compared = false},
    {.name = "training.hidden_dropout", .value = value<&TrainingDefaults::hidden_dropout>(), .core = kOwn,
     .compared = false},
    {.name = "training.init_method_std", .value = value<&TrainingDefaults::init_method_std>(), .core = kOwn,
     .compared = false},

    // Norms.
    {.name = "normalization", .value = value<&C::normalization>(), .core = kOwn,
     .absent = [](C& c) { c.normalization = Normalization::layer; }, .runs = kYes},
    {.name = "layernorm_epsilon", .value = value<&C::layernorm_epsilon>(), .core = kOwn, .bind = bind_epsilon,
     .flag = "--norm-epsilon", .runs = Range{0, 1}},
    // --use-checkpoint-args restores this one under a name that the config is not made from (0.19).
    {.name = "layernorm_zero_centered_gamma", .value = value<&C::layernorm_zero_centered_gamma>(),
     .core = kOwn, .args = "apply_layernorm_1p", .flag = "--apply-layernorm-1p", .runs = kYes},

    // Positions.
    {.name = "position_embedding_type", .value = value<&C::position_embedding_type>(), .bind = bind_positions,
     .runs = kYes},
    {.name = "rotary_base", .value = value<&C::rotary_base>(), .core = kOwn, .bind = bind_rotary_base,
     .matters = rotates, .runs = kBase},
    {.name = "rotary_percent", .value = value<&C::rotary_percent>(), .core = kOwn, .matters = rotates,
     .runs = Range{1e-3, 1}},
    {.name = "rotary_interleaved", .value = value<&C::rotary_interleaved>(), .core = kOwn, .matters = rotates,
     .runs = kYes},
    {.name = "rope_scaling.type", .value = value<&RopeScaling::type>(), .add_flags = add_rope_flags,
     .add_limits = add_rope_limits, .matters = rotates, .runs = kYes},
    {.name = "rope_scaling.factor", .value = value<&RopeScaling::factor>(),
     .matters = [](const C& c) { return rotates(c) && !scales<RopeKind::none>(c); }, .runs = kPositive},
    {.name = "rope_scaling.original_max_position_embeddings",
     .value = value<&RopeScaling::original_max_position_embeddings>(), .key = kOwn,
     .matters = scales<RopeKind::dynamic, RopeKind::llama3, RopeKind::yarn, RopeKind::longrope>,
     .runs = kSize},
    {.name = "rope_scaling.low_freq_factor", .value = value<&RopeScaling::low_freq_factor>(), .key = kOwn,
     .matters = scales<RopeKind::llama3>, .runs = kPositive},
    {.name = "rope_scaling.high_freq_factor", .value = value<&RopeScaling::high_freq_factor>(), .key = kOwn,
     .matters = scales<RopeKind::llama3>, .runs = kYes},
    {.name = "rope_scaling.beta_fast", .value = value<&RopeScaling::beta_fast>(), .key = kOwn,
     .matters = scales<RopeKind::yarn>, .runs = kPositive},
    {.name = "rope_scaling.beta_slow", .value = value<&RopeScaling::beta_slow>(), .key = kOwn,
     .matters = scales<RopeKind::yarn>, .runs = kPositive},
    {.name = "rope_scaling.truncate", .value = value<&RopeScaling::truncate>(), .key = kOwn,
     .matters = scales<RopeKind::yarn>, .runs = kYes},
    {.name = "rope_scaling.mscale", .value = value<&RopeScaling::mscale>(), .key = kOwn,
     .default_is = kUnsaid, .matters = scales<RopeKind::yarn>, .runs = kYes},
    {.name = "rope_scaling.mscale_all_dim", .value = value<&RopeScaling::mscale_all_dim>(), .key = kOwn,
     .default_is = kUnsaid, .matters = scales<RopeKind::yarn>, .runs = kYes},
    {.name = "rope_scaling.short_factor", .value = value<&RopeScaling::short_factor>(), .key = kOwn,
     .matters = scales<RopeKind::longrope>, .runs = kPositive},
    {.name = "rope_scaling.long_factor", .value = value<&RopeScaling::long_factor>(), .key = kOwn,
     .matters = scales<RopeKind::longrope>, .runs = kPositive},
    {.name = "rope_scaling.attention_factor", .value = value<&RopeScaling::attention_factor>(), .key = kOwn,
     .default_is = kUnsaid, .matters = scales<RopeKind::yarn, RopeKind::longrope>, .runs = kYes},
    {.name = "rotary_base_local", .value = value<&C::rotary_base_local>(), .args = "hf_rotary_base_local",
     .default_is = kUnsaid,
     .spec_limit = "a rotary base of their own for layers with a window: GPTModel cannot", .matters = rotates,
     .runs = kBase},

    // Attention.
    {.name = "qk_layernorm", .value = value<&C::qk_layernorm>(), .core = kOwn, .flag = "--qk-layernorm",
     .runs = kYes},
    {.name = "qk_l2_norm", .value = value<&C::qk_l2_norm>(), .core = kOwn, .default_is = kUnsaid,
     .flag = "--qk-l2-norm", .runs = kYes},
    {.name = "sliding_window", .value = value<&C::sliding_window>(), .bind = bind_window,
     .add_flags = add_window_flag, .runs = kSize},
    {.name = "window_layers", .value = value<&C::window_layers>(), .args = "window_attn_skip_freq",
     .run_config = "window_attn_skip_freq", .default_is = kUnsaid, .entry = but_every,
     .flag = "--window-attn-skip-freq", .matters = [](const C& c) { return c.sliding_window.has_value(); },
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.window_layers, 1)); }, .runs = kYes},
    {.name = "no_rope_layers", .value = value<&C::no_rope_layers>(), .args = "no_rope_freq",
     .run_config = "no_rope_freq", .default_is = kUnsaid, .entry = only_every, .flag = "--no-rope-freq",
     .matters = rotates,
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.no_rope_layers, 0)); }, .runs = kYes},
    {.name = "add_bias_linear", .value = value<&C::add_bias_linear>(), .core = kOwn,
     .absent = [](C& c) { c.add_bias_linear = true; }, .runs = kYes},
    {.name = "add_qkv_bias", .value = value<&C::add_qkv_bias>(), .core = kOwn,
     .meaning = [](const C& c) { return nlohmann::json(c.add_qkv_bias || c.add_bias_linear); },
     .runs = kYes},

    // MLP and residual branches.
    {.name = "activation", .value = value<&C::activation>(), .bind = bind_activation,
     .add_flags = add_gelu_flag, .add_limits = add_activation_limits,
     .meaning = [](const C& c) { return nlohmann::json(name_of(function_of(c.activation))); }, .runs = kYes},
    {.name = "parallel_residual", .value = value<&C::parallel_residual>(), .args = "hf_parallel_residual",
     .default_is = kUnsaid, .spec_limit = "attention and MLP side by side: TransformerLayer cannot",
     .runs = kYes},
    {.name = "shared_pre_norm", .value = value<&C::shared_pre_norm>(), .args = "hf_shared_pre_norm",
     .default_is = kUnsaid, .runs = kYes},
    {.name = "pre_norms", .value = value<&C::pre_norms>(), .args = "hf_pre_norms", .default_is = kUnsaid,
     .runs = kYes},
    {.name = "post_norms", .value = value<&C::post_norms>(), .args = "hf_post_norms", .default_is = kUnsaid,
     .spec_limit = "norms behind attention and MLP: TransformerLayer cannot",
     .limited = [](const C& c) { return !c.pre_norms || c.post_norms; }, .runs = kYes},
    {.name = "residual_multiplier", .value = value<&C::residual_multiplier>(),
     .args = "hf_residual_multiplier", .default_is = kUnsaid,
     .spec_limit = "a multiplier on residual branches: TransformerLayer cannot", .runs = kAny},
    {.name = "qk_layernorm_over_heads", .value = value<&C::qk_layernorm_over_heads>(),
     .args = "hf_qk_layernorm_over_heads", .default_is = kUnsaid,
     .spec_limit = "norms on q and k over all heads: SelfAttention cannot",
     .limited = [](const C& c) { return c.qk_layernorm && c.qk_layernorm_over_heads; }, .runs = kYes},
    {.name = "layernorm_bias", .value = value<&C::layernorm_bias>(), .args = "hf_layernorm_bias",
     .default_is = kUnsaid, .spec_limit = "LayerNorm without bias: Megatron's norms have one",
     .matters = [](const C& c) { return c.normalization == Normalization::layer; }, .runs = kYes},
    {.name = "attention_proj_bias", .value = value<&C::attention_proj_bias>(),
     .args = "hf_attention_proj_bias", .default_is = kUnsaid,
     .limit = "bias on linear_proj alone: Megatron-Core has one setting for all linear layers",
     .limited = [](const C& c) { return c.attention_proj_bias && !c.add_bias_linear; },
     .meaning = [](const C& c) { return nlohmann::json(c.attention_proj_bias || c.add_bias_linear); },
     .runs = kYes},
    {.name = "softmax_scale", .value = value<&C::softmax_scale>(), .core = kOwn, .default_is = kUnsaid,
     .runs = Range{1e-9, 1e9}},
    {.name = "embedding_multiplier", .value = value<&C::embedding_multiplier>(), .bind = bind_multipliers,
     .add_flags = add_multiplier_flags, .runs = kAny},

    // Experts.
    {.name = "moe", .value = part<MoeConfig>(), .core = "num_moe_experts", .args = "num_experts",
     .default_is = kNull, .bind = bind_moe, .runs = kYes},
    {.name = "moe.num_experts", .value = value<&MoeConfig::num_experts>(), .core = "num_moe_experts",
     .args = kOwn, .runs = kSize},
    {.name = "moe.ffn_hidden_size", .value = value<&MoeConfig::ffn_hidden_size>(),
     .core = "moe_ffn_hidden_size", .absent = [](C& c) { c.moe->ffn_hidden_size = c.ffn_hidden_size; },
     .runs = kSize},
    {.name = "moe.router_topk", .value = value<&MoeConfig::router_topk>(), .core = "moe_router_topk",
     .runs = kSize},
    {.name = "moe.layer_freq", .value = value<&MoeConfig::layer_freq>(), .core = "moe_layer_freq",
     .bind = bind_moe_layers,
     .meaning = [](const C& c) { return nlohmann::json(list_meaning(c.moe->layer_freq, 1)); }, .runs = kYes},
    {.name = "moe.shared_expert_intermediate_size",
     .value = value<&MoeConfig::shared_expert_intermediate_size>(),
     .core = "moe_shared_expert_intermediate_size", .default_is = kNull, .runs = kYes},
    {.name = "moe.shared_expert_gate", .value = value<&MoeConfig::shared_expert_gate>(),
     .core = "moe_shared_expert_gate", .flag = "--moe-shared-expert-gate", .runs = kYes},
    {.name = "moe.router_score_function", .value = value<&MoeConfig::router_score_function>(),
     .core = "moe_router_score_function", .runs = kYes},
    {.name = "moe.router_pre_softmax", .value = value<&MoeConfig::router_pre_softmax>(),
     .core = "moe_router_pre_softmax",
     .matters = [](const C& c) { return c.moe->router_score_function == RouterScore::softmax; },
     .runs = kYes},
    {.name = "moe.router_enable_expert_bias", .value = value<&MoeConfig::router_enable_expert_bias>(),
     .core = "moe_router_enable_expert_bias", .runs = kYes},
    {.name = "moe.router_num_groups", .value = value<&MoeConfig::router_num_groups>(),
     .core = "moe_router_num_groups", .default_is = kNull, .flag = "--moe-router-num-groups", .runs = kYes},
    {.name = "moe.router_group_topk", .value = value<&MoeConfig::router_group_topk>(),
     .core = "moe_router_group_topk", .default_is = kNull, .flag = "--moe-router-group-topk", .runs = kYes},
    {.name = "moe.router_group_score_topk", .value = value<&MoeConfig::router_group_score_topk>(),
     .bind = bind_group_score, .add_limits = add_group_score_limit,
     .matters = [](const C& c) { return c.moe->router_num_groups > 0; }, .runs = kYes},
    {.name = "moe.router_topk_scaling_factor", .value = value<&MoeConfig::router_topk_scaling_factor>(),
     .core = "moe_router_topk_scaling_factor", .default_is = kNull, .runs = kAny},
    {.name = "moe.apply_probs_on_input", .value = value<&MoeConfig::apply_probs_on_input>(),
     .core = "moe_apply_probs_on_input", .flag = "--moe-apply-probs-on-input", .runs = kYes},
    {.name = "moe.router_fp32", .value = value<&MoeConfig::router_fp32>(), .bind = bind_router_dtype,
     .flag = "--moe-router-dtype fp32", .compared = false},
    {.name = "training.moe_aux_loss_coeff", .value = value<&TrainingDefaults::moe_aux_loss_coeff>(),
     .bind = bind_aux_loss, .compared = false},

    // Latent attention.
    {.name = "mla", .value = part<MlaConfig>(), .bind = bind_latent_attention,
     .flag = "--multi-latent-attention", .add_limits = add_latent_yarn_limit, .runs = kYes},
    {.name = "mla.q_lora_rank", .value = value<&MlaConfig::q_lora_rank>(), .core = kOwn, .default_is = kNull,
     .flag = "--q-lora-rank",
     .limit = "latent attention without q_lora_rank: megatron-core 0.19 puts a norm before linear_q_proj "
              "that the model has not (mla_qk_norm_config.py); 0.16 does not",
     .limited = [](const C& c) { return c.mla->q_lora_rank == 0; }, .runs = kSize},
    {.name = "mla.kv_lora_rank", .value = value<&MlaConfig::kv_lora_rank>(), .core = kOwn,
     .flag = "--kv-lora-rank", .runs = kSize},
    {.name = "mla.qk_head_dim", .value = value<&MlaConfig::qk_head_dim>(), .core = kOwn,
     .flag = "--qk-head-dim", .runs = kSize},
    {.name = "mla.qk_pos_emb_head_dim", .value = value<&MlaConfig::qk_pos_emb_head_dim>(), .core = kOwn,
     .flag = "--qk-pos-emb-head-dim", .runs = kSize},
    {.name = "mla.v_head_dim", .value = value<&MlaConfig::v_head_dim>(), .core = kOwn, .flag = "--v-head-dim",
     .add_flags = add_rope_type_flags, .runs = kSize},

    // Logits.
    {.name = "attn_logit_softcapping", .value = value<&C::attn_logit_softcapping>(), .args = kOwn,
     .run_config = kOwn, .default_is = kUnsaid,
     .spec_limit = "capped attention logits: Megatron-Core's attention cannot", .runs = kPositive},
    {.name = "final_logit_softcapping", .value = value<&C::final_logit_softcapping>(), .args = kOwn,
     .run_config = kOwn, .default_is = kUnsaid, .spec_limit = "capped logits: GPTModel cannot",
     .runs = kPositive},
    {.name = "output_layer_bias", .value = value<&C::output_layer_bias>(), .args = "hf_output_layer_bias",
     .default_is = kUnsaid, .spec_limit = "a bias on the output layer: GPTModel cannot", .runs = kYes},
    {.name = "normalized_output_layer", .value = value<&C::normalized_output_layer>(),
     .args = "hf_normalized_output_layer", .default_is = kUnsaid,
     .spec_limit = "rows of the output layer scaled to length 1: GPTModel cannot", .runs = kYes},
    {.name = "logits_multiplier", .value = value<&C::logits_multiplier>(),
     .limit = "multipliers or a scale of attention need a megatron-core with MuP (0.17 and later)",
     .limited = has_multipliers, .runs = kAny},
    {.name = "share_embeddings_and_output_weights", .value = value<&C::share_embeddings_and_output_weights>(),
     .bind = bind_tied_embeddings, .runs = kYes},

    // Other mixers.
    {.name = "attention_output_gate", .value = value<&C::attention_output_gate>(), .core = kOwn,
     .default_is = kUnsaid, .flag = "--attention-output-gate", .runs = kYes},
    {.name = "linear_attention", .value = part<LinearAttentionConfig>(), .bind = bind_linear_attention,
     .flag = "--experimental-attention-variant gated_delta_net",
     .limit = "layers of gated delta net need megatron-core 0.16 or later with TransformerEngine and "
              "flash-linear-attention",
     .runs = kYes},
    {.name = "linear_attention.layer_freq", .value = value<&LinearAttentionConfig::layer_freq>(),
     .core = "linear_attention_freq", .entry = but_every, .flag = "--linear-attention-freq", .runs = kYes},
    {.name = "linear_attention.conv_kernel_dim", .value = value<&LinearAttentionConfig::conv_kernel_dim>(),
     .core = "linear_conv_kernel_dim", .flag = "--linear-conv-kernel-dim", .runs = kSize},
    {.name = "linear_attention.key_head_dim", .value = value<&LinearAttentionConfig::key_head_dim>(),
     .core = "linear_key_head_dim", .flag = "--linear-key-head-dim", .runs = kSize},
    {.name = "linear_attention.value_head_dim", .value = value<&LinearAttentionConfig::value_head_dim>(),
     .core = "linear_value_head_dim", .flag = "--linear-value-head-dim", .runs = kSize},
    {.name = "linear_attention.num_key_heads", .value = value<&LinearAttentionConfig::num_key_heads>(),
     .core = "linear_num_key_heads", .flag = "--linear-num-key-heads", .runs = kSize},
    {.name = "linear_attention.num_value_heads", .value = value<&LinearAttentionConfig::num_value_heads>(),
     .core = "linear_num_value_heads", .flag = "--linear-num-value-heads", .runs = kSize},
    {.name = "hybrid_layer_pattern", .value = value<&C::hybrid_layer_pattern>(), .core = kOwn,
     .default_is = kUnsaid, .meaning = pattern_meaning, .runs = kYes},
    {.name = "mamba", .value = part<MambaConfig>(), .bind = bind_mamba, .runs = kYes},
    {.name = "mamba.num_heads", .value = value<&MambaConfig::num_heads>(), .core = "mamba_num_heads",
     .runs = kSize},
    {.name = "mamba.head_dim", .value = value<&MambaConfig::head_dim>(), .core = "mamba_head_dim",
     .runs = kSize},
    {.name = "mamba.num_groups", .value = value<&MambaConfig::num_groups>(), .core = "mamba_num_groups",
     .runs = kSize},
    {.name = "mamba.state_dim", .value = value<&MambaConfig::state_dim>(), .core = "mamba_state_dim",
     .runs = kSize},
    {.name = "mamba.conv_kernel_dim", .value = value<&MambaConfig::conv_kernel_dim>(), .runs = kSize},
    // The runtime leaves the blocks out: they predict further tokens, not the next.
    {.name = "mtp_num_layers", .value = value<&C::mtp_num_layers>(), .core = kOwn, .default_is = kUnsaid,
     .runs = kYes},

    // What few models have.
    {.name = "gated_linear_unit", .value = value<&C::gated_linear_unit>(), .run_config = kOwn,
     .absent = [](C& c) { c.gated_linear_unit = false; }, .add_flags = add_gate_flag, .runs = kYes},
    {.name = "activation_clamp", .value = value<&C::activation_clamp>(),
     .core = "activation_func_clamp_value", .default_is = kUnsaid, .flag = "--activation-func-clamp-value",
     .runs = kPositive},
    {.name = "glu_linear_offset", .value = value<&C::glu_linear_offset>(), .core = kOwn,
     .default_is = kUnsaid, .flag = "--glu-linear-offset", .runs = kAny},
    {.name = "softmax_type", .value = value<&C::softmax_type>(), .core = kOwn, .default_is = kUnsaid,
     .flag = "--softmax-type", .runs = kYes},
    {.name = "attention_chunk_size", .value = value<&C::attention_chunk_size>(),
     .args = "hf_attention_chunk_size", .default_is = kUnsaid,
     .spec_limit = "attention within chunks: Megatron-Core has windows only", .runs = kSize},
    {.name = "qk_l2_norm_rotated_only", .value = value<&C::qk_l2_norm_rotated_only>(),
     .args = "hf_qk_l2_norm_rotated_only", .default_is = kUnsaid,
     .spec_limit = "norms on q and k in layers that rotate only: SelfAttention has them in all",
     .limited = [](const C& c) { return c.qk_l2_norm && c.qk_l2_norm_rotated_only; },
     .matters = [](const C& c) { return !c.no_rope_layers.empty(); }, .runs = kYes},
    {.name = "attention_temperature", .value = part<AttentionTemperature>(),
     .args = "hf_attention_floor_scale", .add_limits = add_temperature_limit, .runs = kYes},
    {.name = "attention_temperature.floor_scale", .value = value<&AttentionTemperature::floor_scale>(),
     .args = "hf_attention_floor_scale", .matters = has_temperature, .runs = kSize},
    {.name = "attention_temperature.scale", .value = value<&AttentionTemperature::scale>(),
     .args = "hf_attention_temperature_scale", .matters = has_temperature, .runs = Range{0, 1e9}},
    {.name = "attention_temperature.first_position", .value = value<&AttentionTemperature::first_position>(),
     .args = "hf_attention_first_position", .matters = has_temperature, .runs = kYes},
    {.name = "attention_temperature.everywhere", .value = value<&AttentionTemperature::everywhere>(),
     .args = "hf_attention_temperature_everywhere", .matters = has_temperature, .runs = kYes},
});
// clang-format on

}  // namespace

std::span<const Field> fields() { return kFields; }

}  // namespace mhub
