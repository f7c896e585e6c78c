// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>

#include "mhub/config/megatron_fields.hpp"
#include "mhub/config/vision_fields.hpp"
#include "mhub/megatron/megatron_args.hpp"

namespace mhub {
namespace {

std::string shortest(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

constexpr const char* kSpec = "; a layer spec can, see examples/megatron/";

/// A list as Megatron-LM evaluates it, one shell word.
std::string list(const std::vector<std::int64_t>& values) {
  std::string text = "[";
  for (const std::int64_t value : values) text += (text.size() > 1 ? "," : "") + std::to_string(value);
  return text + "]";
}

void add_rope_flags(std::vector<std::string>& flags, const TransformerConfig& c) {
  if (c.rope_scaling.type == "llama3") {
    flags.emplace_back("--use-rope-scaling");
    flags.push_back("--rope-scaling-factor " + shortest(c.rope_scaling.factor));
  }
  if (c.rope_scaling.type == "linear")
    flags.push_back("--rotary-seq-len-interpolation-factor " + shortest(c.rope_scaling.factor));
  const auto yarn = megatron_yarn(c);
  if (!yarn) return;
  flags.push_back("--rotary-scaling-factor " + shortest(yarn->factor));
  flags.push_back("--mscale " + shortest(yarn->mscale));
  flags.push_back("--mscale-all-dim " + shortest(yarn->mscale_all_dim));
  if (c.mla) return;  // the rest has no arguments there
  flags.push_back("--yarn-original-max-position-embeddings " +
                  std::to_string(yarn->original_max_position_embeddings));
  flags.push_back("--yarn-beta-fast " + shortest(yarn->beta_fast));
  flags.push_back("--yarn-beta-slow " + shortest(yarn->beta_slow));
  flags.emplace_back(yarn->round_to_int ? "--yarn-correction-range-round-to-int"
                                        : "--no-yarn-correction-range-round-to-int");
}

void add_multiplier_flags(std::vector<std::string>& flags, const TransformerConfig& c) {
  FieldBinding fields;
  TransformerConfig copy = c;
  bind_multipliers(fields, copy);
  if (!fields.written().contains("use_mup")) return;
  flags.emplace_back("--use-mup");
  for (const char* key : {"mup_embedding_mult", "mup_output_mult", "mup_base_head_dim"}) {
    std::string option = std::string("--") + key;
    std::replace(option.begin(), option.end(), '_', '-');
    flags.push_back(option + " " + shortest(fields.written().at(key).get<double>()));
  }
}

void add_rope_limits(std::vector<std::string>& limits, const TransformerConfig& c) {
  const RopeScaling& rope = c.rope_scaling;
  if (rope.type == "llama3" && (rope.low_freq_factor != 1.0 || rope.high_freq_factor != 4.0 ||
                                rope.original_max_position_embeddings != 8192)) {
    // Megatron-Core rotary_pos_embedding.py, _apply_scaling: constants
    limits.push_back(
        "llama3 rope scaling with low_freq_factor=" + shortest(rope.low_freq_factor) +
        " high_freq_factor=" + shortest(rope.high_freq_factor) + " original_max_position_embeddings=" +
        std::to_string(rope.original_max_position_embeddings) + ": Megatron-Core always uses 1, 4 and 8192");
  }
  if (rope.type == "yarn")
    limits.emplace_back(
        "rope scaling \"yarn\" needs a megatron-core whose GPTModel knows it (0.16 does, 0.14 does not)");
  if (rope.type == "dynamic" || rope.type == "longrope")
    limits.push_back("rope scaling \"" + rope.type +
                     "\": GPTModel has no setting for it in Megatron-LM's arguments");
  if (c.rotary_base_local)
    limits.push_back(std::string("a rotary base of their own for layers with a window: GPTModel cannot") +
                     kSpec);
}

void add_activation_limits(std::vector<std::string>& limits, const TransformerConfig& c) {
  if (c.gated_linear_unit && c.activation != "silu" && c.activation != "quick_gelu")
    limits.push_back("gated activation \"" + c.activation +
                     "\": Megatron-LM's flags (silu and quick_gelu) cannot" + kSpec);
  if (!c.gated_linear_unit && is_gelu_tanh(c.activation) && !c.add_bias_linear)
    limits.push_back("activation \"" + c.activation +
                     "\" without biases: Megatron-LM has the tanh form of GELU as a fusion with biases only");
  if (!c.gated_linear_unit && c.activation != "relu2" && c.activation != "gelu" &&
      !is_gelu_tanh(c.activation))
    limits.push_back("activation \"" + c.activation + "\": Megatron-LM has no flag for it");
}

/// What is not a TransformerLayer of Megatron-Core as its specs build it.
void add_layer_limits(std::vector<std::string>& limits, const TransformerConfig& c) {
  if (c.parallel_residual)
    limits.push_back(std::string("attention and MLP side by side: TransformerLayer cannot") + kSpec);
  if (!c.pre_norms || c.post_norms)
    limits.push_back(std::string("norms behind attention and MLP: TransformerLayer cannot") + kSpec);
  if (c.residual_multiplier != 1.0)
    limits.push_back(std::string("a multiplier on residual branches: TransformerLayer cannot") + kSpec);
  if (c.qk_layernorm && c.qk_layernorm_over_heads)
    limits.push_back(std::string("norms on q and k over all heads: SelfAttention cannot") + kSpec);
  if (c.normalization == "LayerNorm" && !c.layernorm_bias)
    limits.push_back(std::string("LayerNorm without bias: Megatron's norms have one") + kSpec);
  if (c.attention_proj_bias && !c.add_bias_linear)
    limits.emplace_back("bias on linear_proj alone: Megatron-Core has one setting for all linear layers");
}

/// What Megatron-LM does not take from a checkpoint's args (checkpointing.py, load_args_from_checkpoint).
void add_moe_flags(std::vector<std::string>& flags, const TransformerConfig& c) {
  const MoeConfig& moe = *c.moe;
  if (moe.shared_expert_gate) flags.emplace_back("--moe-shared-expert-gate");
  if (moe.router_num_groups > 0) {
    flags.push_back("--moe-router-num-groups " + std::to_string(moe.router_num_groups));
    flags.push_back("--moe-router-group-topk " + std::to_string(moe.router_group_topk));
  }
  if (moe.apply_probs_on_input) flags.emplace_back("--moe-apply-probs-on-input");
  if (moe.router_fp32) flags.emplace_back("--moe-router-dtype fp32");
}

void add_latent_attention_flags(std::vector<std::string>& flags, const TransformerConfig& c) {
  const MlaConfig& mla = *c.mla;
  flags.emplace_back("--multi-latent-attention");
  if (mla.q_lora_rank > 0) flags.push_back("--q-lora-rank " + std::to_string(mla.q_lora_rank));
  flags.push_back("--kv-lora-rank " + std::to_string(mla.kv_lora_rank));
  flags.push_back("--qk-head-dim " + std::to_string(mla.qk_head_dim));
  flags.push_back("--qk-pos-emb-head-dim " + std::to_string(mla.qk_pos_emb_head_dim));
  flags.push_back("--v-head-dim " + std::to_string(mla.v_head_dim));
  const bool yarn = c.rope_scaling.type == "yarn";
  flags.emplace_back(yarn ? "--rope-type yarn" : "--rope-type rope");
  if (!yarn) flags.emplace_back("--rotary-scaling-factor 1");
}

void add_linear_attention_flags(std::vector<std::string>& flags, const LinearAttentionConfig& linear) {
  flags.emplace_back("--experimental-attention-variant gated_delta_net");
  flags.push_back("--linear-attention-freq " + list(linear.layer_freq));
  flags.push_back("--linear-conv-kernel-dim " + std::to_string(linear.conv_kernel_dim));
  flags.push_back("--linear-key-head-dim " + std::to_string(linear.key_head_dim));
  flags.push_back("--linear-value-head-dim " + std::to_string(linear.value_head_dim));
  flags.push_back("--linear-num-key-heads " + std::to_string(linear.num_key_heads));
  flags.push_back("--linear-num-value-heads " + std::to_string(linear.num_value_heads));
}

void add_moe_limits(std::vector<std::string>& limits, const TransformerConfig& c) {
  const MoeConfig& moe = *c.moe;
  if (moe.router_num_groups > 0 && moe.router_group_score_topk != moe.router_topk / moe.router_group_topk)
    limits.push_back("a group of experts counts by its " + std::to_string(moe.router_group_score_topk) +
                     " best: Megatron-Core takes " + std::to_string(moe.router_topk / moe.router_group_topk) +
                     " (moe_router_topk / moe_router_group_topk)");
}

}  // namespace

std::vector<std::string> megatron_flags(const TransformerConfig& c) {
  std::vector<std::string> flags;
  if (c.image) return flags;  // CLIPViTModel is built by programs, not from arguments
  if (c.vision) flags = vision_flags(*c.vision);
  if (c.layernorm_epsilon != 1e-5) flags.push_back("--norm-epsilon " + shortest(c.layernorm_epsilon));
  // --use-checkpoint-args restores this one under a name that the config is not made from (0.19).
  if (c.layernorm_zero_centered_gamma) flags.emplace_back("--apply-layernorm-1p");
  add_rope_flags(flags, c);
  if (c.qk_layernorm) flags.emplace_back("--qk-layernorm");
  if (c.qk_l2_norm) flags.emplace_back("--qk-l2-norm");
  if (c.sliding_window) flags.push_back("--window-size " + std::to_string(*c.sliding_window - 1) + ",0");
  if (c.sliding_window && !c.window_layers.empty())
    flags.push_back("--window-attn-skip-freq " + list(c.window_layers));
  if (!c.no_rope_layers.empty()) flags.push_back("--no-rope-freq " + list(c.no_rope_layers));
  // With biases Megatron-LM fuses them with GELU, and the fusion is the tanh form.
  if (!c.gated_linear_unit && c.activation == "gelu" && c.add_bias_linear)
    flags.emplace_back("--no-bias-gelu-fusion");
  add_multiplier_flags(flags, c);
  if (c.moe) add_moe_flags(flags, c);
  if (c.mla) add_latent_attention_flags(flags, c);
  if (c.attention_output_gate) flags.emplace_back("--attention-output-gate");
  if (c.linear_attention) add_linear_attention_flags(flags, *c.linear_attention);
  if (c.gated_linear_unit && c.activation == "quick_gelu") flags.emplace_back("--quick-geglu");
  if (c.activation_clamp) flags.push_back("--activation-func-clamp-value " + shortest(*c.activation_clamp));
  if (c.glu_linear_offset != 0.0) flags.push_back("--glu-linear-offset " + shortest(c.glu_linear_offset));
  if (c.softmax_type != "vanilla") flags.push_back("--softmax-type " + c.softmax_type);
  return flags;
}

std::vector<std::string> megatron_limits(const TransformerConfig& c) {
  std::vector<std::string> limits;
  if (c.image) return limits;
  if (c.vision) limits = vision_limits(c);
  add_rope_limits(limits, c);
  add_activation_limits(limits, c);
  add_layer_limits(limits, c);
  if (c.moe) add_moe_limits(limits, c);
  const auto yarn = megatron_yarn(c);
  if (c.mla && yarn &&
      (yarn->original_max_position_embeddings != 4096 || yarn->beta_fast != 32.0 || yarn->beta_slow != 1.0))
    limits.emplace_back(
        "yarn scaling of latent attention: Megatron-LM has no arguments for "
        "original_max_position_embeddings, "
        "beta_fast and beta_slow and takes 4096, 32 and 1");
  if (c.mla && c.mla->q_lora_rank == 0)
    limits.emplace_back(
        "latent attention without q_lora_rank: megatron-core 0.19 puts a norm before linear_q_proj that the "
        "model has not (mla_qk_norm_config.py); 0.16 does not");
  if (c.attn_logit_softcapping)
    limits.push_back(std::string("capped attention logits: Megatron-Core's attention cannot") + kSpec);
  if (c.final_logit_softcapping) limits.push_back(std::string("capped logits: GPTModel cannot") + kSpec);
  if (c.output_layer_bias)
    limits.push_back(std::string("a bias on the output layer: GPTModel cannot") + kSpec);
  if (c.normalized_output_layer)
    limits.push_back(std::string("rows of the output layer scaled to length 1: GPTModel cannot") + kSpec);
  if (c.embedding_multiplier != 1.0 || c.logits_multiplier != 1.0 || (c.softmax_scale && !c.mla))
    limits.emplace_back("multipliers or a scale of attention need a megatron-core with MuP (0.17 and later)");
  if (c.linear_attention)
    limits.emplace_back(
        "layers of gated delta net need megatron-core 0.16 or later with TransformerEngine and "
        "flash-linear-attention");
  if (c.attention_chunk_size)
    limits.push_back(std::string("attention within chunks: Megatron-Core has windows only") + kSpec);
  if (c.qk_l2_norm && c.qk_l2_norm_rotated_only && !c.no_rope_layers.empty())
    limits.push_back(
        std::string("norms on q and k in layers that rotate only: SelfAttention has them in all") + kSpec);
  if (c.attention_temperature && c.attention_temperature->everywhere)
    limits.push_back(
        "queries that grow with their position: SelfAttention cannot, so it differs from position " +
        std::to_string(c.attention_temperature->floor_scale) + " on");
  if (c.attention_temperature && !c.attention_temperature->everywhere && !c.no_rope_layers.empty())
    limits.push_back(std::string("queries that grow with their position: SelfAttention cannot") + kSpec);
  return limits;
}

}  // namespace mhub
