// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "mhub/base/error.hpp"
#include "mhub/runtime/layer_plan.hpp"
#include "mhub/runtime/rotary.hpp"

namespace mhub::runtime {
namespace {

/// Names of one function; transformers' ACT2FN (activations.py) has several for some.
constexpr std::array<std::pair<std::string_view, ActivationKind>, 13> kActivations{{
    {"silu", ActivationKind::silu},
    {"swish", ActivationKind::silu},
    {"gelu", ActivationKind::gelu},
    {"gelu_python", ActivationKind::gelu},
    {"gelu_new", ActivationKind::gelu_tanh},
    {"gelu_pytorch_tanh", ActivationKind::gelu_tanh},
    {"gelu_python_tanh", ActivationKind::gelu_tanh},
    {"gelu_fast", ActivationKind::gelu_tanh},
    {"gelu_accurate", ActivationKind::gelu_tanh},
    {"quick_gelu", ActivationKind::quick_gelu},
    {"relu", ActivationKind::relu},
    {"relu2", ActivationKind::relu_squared},
    {"linear", ActivationKind::identity},
}};

/// Collects what the checks of one configuration need.
class Check {
 public:
  explicit Check(const std::string& source) : source_(source) {}

  void positive(const char* field, std::int64_t value) const {
    // The decoder multiplies two of these at a time.
    if (value < 1 || value > (std::int64_t{1} << 31))
      fail(field, std::to_string(value), "a size from 1 to 2^31");
  }
  void one_of(const char* field, const std::string& value,
              std::initializer_list<std::string_view> known) const {
    if (std::find(known.begin(), known.end(), value) != known.end()) return;
    std::string list;
    for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    fail(field, value, list);
  }
  void number(const char* field, double value, double low, double high) const {
    if (!(value >= low && value <= high))
      fail(field, std::to_string(value),
           "a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  [[noreturn]] void absent(const std::string& field) const {
    throw InputError(source_ + ": generation does not support " + field + " yet");
  }
  void that(bool condition, const char* field, const std::string& found, const std::string& expected) const {
    if (!condition) fail(field, found, expected);
  }

 private:
  [[noreturn]] void fail(const char* field, const std::string& found, const std::string& expected) const {
    throw InputError(source_ + ": generation does not support " + field + " = " + found + "; expected " +
                     expected);
  }

  const std::string& source_;
};

void check_rotary(const TransformerConfig& config, const Check& check) {
  const RopeScaling& scaling = config.rope_scaling;
  check.one_of("rope_scaling.type", scaling.type,
               {"default", "linear", "dynamic", "llama3", "yarn", "longrope"});
  check.number("rotary_base", config.rotary_base, 1e-3, 1e15);
  check.number("rotary_percent", config.rotary_percent, 1e-3, 1.0);
  if (config.rotary_base_local) check.number("rotary_base_local", *config.rotary_base_local, 1e-3, 1e15);
  const std::int64_t rotated = rotary_dim(config);
  check.that(rotated >= 2 && rotated % 2 == 0, "rotary dimensions", std::to_string(rotated),
             "an even number");
  if (scaling.type == "default") return;
  check.number("rope_scaling.factor", scaling.factor, 1e-6, 1e9);
  check.positive("rope_scaling.original_max_position_embeddings", scaling.original_max_position_embeddings);
  if (scaling.type == "llama3") {
    check.number("rope_scaling.low_freq_factor", scaling.low_freq_factor, 1e-6, 1e9);
    check.that(scaling.high_freq_factor >= scaling.low_freq_factor, "rope_scaling.high_freq_factor",
               std::to_string(scaling.high_freq_factor), "at least low_freq_factor");
  }
  if (scaling.type == "yarn") {
    check.number("rope_scaling.beta_fast", scaling.beta_fast, 1e-6, 1e9);
    check.number("rope_scaling.beta_slow", scaling.beta_slow, 1e-6, 1e9);
  }
  if (scaling.type == "longrope") {
    const auto frequencies = static_cast<std::size_t>(rotated / 2);
    for (const auto* factors : {&scaling.short_factor, &scaling.long_factor}) {
      check.that(factors->size() == frequencies, "longrope factors",
                 std::to_string(factors->size()) + " numbers",
                 "one for each of " + std::to_string(frequencies) + " frequencies");
      for (const double factor : *factors) check.number("longrope factor", factor, 1e-6, 1e9);
    }
  }
  if (scaling.type == "dynamic") {
    check.that(rotated > 2, "rotary dimensions", std::to_string(rotated), "more than 2 with dynamic scaling");
  }
}

void check_layer_list(const TransformerConfig& config, const char* field,
                      const std::vector<std::int64_t>& list, const Check& check) {
  check.that(list.empty() || static_cast<std::int64_t>(list.size()) == config.num_layers, field,
             std::to_string(list.size()) + " entries", "one for each layer");
}

void check_attention(const TransformerConfig& config, const Check& check) {
  check.positive("num_attention_heads", config.num_attention_heads);
  check.positive("num_query_groups", config.num_query_groups);
  check.positive("kv_channels", config.kv_channels);
  check.that(config.num_attention_heads % config.num_query_groups == 0, "num_query_groups",
             std::to_string(config.num_query_groups), "a divisor of num_attention_heads");
  if (config.sliding_window) check.positive("sliding_window", *config.sliding_window);
  if (config.attention_chunk_size) check.positive("attention_chunk_size", *config.attention_chunk_size);
  if (config.attention_temperature) {
    check.positive("attention_temperature.floor_scale", config.attention_temperature->floor_scale);
    check.number("attention_temperature.scale", config.attention_temperature->scale, 0.0, 1e9);
    check.that(config.attention_temperature->first_position == 0 ||
                   config.attention_temperature->first_position == 1,
               "attention_temperature.first_position",
               std::to_string(config.attention_temperature->first_position), "0 or 1");
  }
  check_layer_list(config, "window_layers", config.window_layers, check);
  check_layer_list(config, "no_rope_layers", config.no_rope_layers, check);
  check.one_of("softmax_type", config.softmax_type, {"vanilla", "learnable"});
  if (config.softmax_scale) check.number("softmax_scale", *config.softmax_scale, 1e-9, 1e9);
  if (config.attn_logit_softcapping)
    check.number("attn_logit_softcapping", *config.attn_logit_softcapping, 1e-6, 1e9);
}

void check_latent_attention(const TransformerConfig& config, const Check& check) {
  const MlaConfig& mla = *config.mla;
  if (mla.q_lora_rank != 0) check.positive("q_lora_rank", mla.q_lora_rank);
  check.positive("kv_lora_rank", mla.kv_lora_rank);
  check.positive("qk_head_dim", mla.qk_head_dim);
  check.positive("qk_pos_emb_head_dim", mla.qk_pos_emb_head_dim);
  check.positive("v_head_dim", mla.v_head_dim);
  check.that(config.position_embedding_type == "rope", "position_embedding_type with latent attention",
             config.position_embedding_type, "rope");
  if (config.qk_l2_norm) check.absent("qk_l2_norm with latent attention");
  if (config.attention_temperature) check.absent("attention_temperature with latent attention");
  if (config.attention_output_gate) check.absent("attention_output_gate with latent attention");
}

void check_linear_attention(const TransformerConfig& config, const Check& check) {
  const LinearAttentionConfig& linear = *config.linear_attention;
  check.positive("linear_conv_kernel_dim", linear.conv_kernel_dim);
  check.positive("linear_key_head_dim", linear.key_head_dim);
  check.positive("linear_value_head_dim", linear.value_head_dim);
  check.positive("linear_num_key_heads", linear.num_key_heads);
  check.positive("linear_num_value_heads", linear.num_value_heads);
  check.that(linear.num_value_heads % linear.num_key_heads == 0, "linear_num_key_heads",
             std::to_string(linear.num_key_heads), "a divisor of linear_num_value_heads");
  check.that(static_cast<std::int64_t>(linear.layer_freq.size()) == config.num_layers,
             "linear_attention_freq", std::to_string(linear.layer_freq.size()) + " entries",
             "one for each layer");
  check.one_of("activation with linear attention", config.activation, {"silu", "swish"});
  check.one_of("normalization with linear attention", config.normalization, {"RMSNorm"});
}

void check_mamba(const TransformerConfig& config, const Check& check) {
  const MambaConfig& mamba = *config.mamba;
  check.positive("mamba_num_heads", mamba.num_heads);
  check.positive("mamba_head_dim", mamba.head_dim);
  check.positive("mamba_num_groups", mamba.num_groups);
  check.positive("mamba_state_dim", mamba.state_dim);
  check.positive("mamba convolution kernel", mamba.conv_kernel_dim);
  check.positive("mamba_num_heads * mamba_head_dim", mamba.num_heads * mamba.head_dim);
  check.positive("mamba_num_groups * mamba_state_dim", mamba.num_groups * mamba.state_dim);
  check.that(mamba.num_heads % mamba.num_groups == 0, "mamba_num_groups", std::to_string(mamba.num_groups),
             "a divisor of mamba_num_heads");
  if (config.hybrid_layer_pattern.empty()) check.absent("Mamba layers without a hybrid_layer_pattern");
}

void check_hybrid(const TransformerConfig& config, const Check& check) {
  const std::string& pattern = config.hybrid_layer_pattern;
  const std::string symbols = layer_symbols(config);
  check.that(symbols.find_first_not_of("M*-E") == std::string::npos, "hybrid_layer_pattern", pattern,
             "M * - E for Mamba, attention, MLP, experts");
  check.that(static_cast<std::int64_t>(symbols.size()) == config.num_layers, "hybrid_layer_pattern", pattern,
             "one symbol for each of " + std::to_string(config.num_layers) + " layers");
  check.that(config.mamba || symbols.find('M') == std::string::npos, "hybrid_layer_pattern", pattern,
             "no M without the sizes of a Mamba mixer");
  check.that(config.moe || symbols.find('E') == std::string::npos, "hybrid_layer_pattern", pattern,
             "no E without a number of experts");
  if (config.linear_attention) check.absent("linear attention with a hybrid_layer_pattern");
  if (config.parallel_residual) check.absent("parallel_residual with a hybrid_layer_pattern");
}

void check_moe(const TransformerConfig& config, const Check& check) {
  const MoeConfig& moe = *config.moe;
  check.positive("num_moe_experts", moe.num_experts);
  check.positive("moe_ffn_hidden_size", moe.ffn_hidden_size);
  check.positive("moe_router_topk", moe.router_topk);
  check.that(moe.router_topk <= moe.num_experts, "moe_router_topk", std::to_string(moe.router_topk),
             "at most the number of experts");
  check_layer_list(config, "moe_layer_freq", moe.layer_freq, check);
  check.one_of("moe_router_score_function", moe.router_score_function, {"softmax", "sigmoid"});
  check.number("moe_router_topk_scaling_factor", moe.router_topk_scaling_factor, -1e9, 1e9);
  check.that(!moe.shared_expert_gate || moe.shared_expert_intermediate_size > 0, "shared_expert_gate", "true",
             "a shared expert");
  if (config.post_norms) check.absent("post_norms with experts");
  if (moe.router_num_groups == 0) return;
  const std::int64_t groups = moe.router_num_groups, kept = moe.router_group_topk;
  check.that(groups > 0 && moe.num_experts % groups == 0, "moe_router_num_groups", std::to_string(groups),
             "a divisor of the number of experts");
  const std::int64_t size = moe.num_experts / groups, best = moe.router_group_score_topk;
  check.that(kept > 0 && kept <= groups && moe.router_topk <= kept * size, "moe_router_group_topk",
             std::to_string(kept), "at most the number of groups, with moe_router_topk experts in them");
  check.that(best > 0 && best <= size, "the experts that a group counts by", std::to_string(best),
             "1 to " + std::to_string(size));
}

/// The part of a configuration that the decoder honours, the rest at its defaults. A field that is not copied
/// here is refused wherever a model uses it, new ones included: nobody can forget it.
TransformerConfig honoured(const TransformerConfig& config) {
  TransformerConfig known;
  known.num_layers = config.num_layers;
  known.hidden_size = config.hidden_size;
  known.ffn_hidden_size = config.ffn_hidden_size;
  known.num_attention_heads = config.num_attention_heads;
  known.num_query_groups = config.num_query_groups;
  known.kv_channels = config.kv_channels;
  known.vocab_size = config.vocab_size;
  known.max_position_embeddings = config.max_position_embeddings;
  known.position_embedding_type = config.position_embedding_type;
  known.rotary_base = config.rotary_base;
  known.rotary_percent = config.rotary_percent;
  known.rotary_interleaved = config.rotary_interleaved;
  known.rope_scaling = config.rope_scaling;
  known.rotary_base_local = config.rotary_base_local;
  known.no_rope_layers = config.no_rope_layers;
  known.normalization = config.normalization;
  known.layernorm_epsilon = config.layernorm_epsilon;
  known.layernorm_zero_centered_gamma = config.layernorm_zero_centered_gamma;
  known.layernorm_bias = config.layernorm_bias;
  known.pre_norms = config.pre_norms;
  known.shared_pre_norm = config.shared_pre_norm;
  known.post_norms = config.post_norms;
  known.activation = config.activation;
  known.gated_linear_unit = config.gated_linear_unit;
  known.activation_clamp = config.activation_clamp;
  known.glu_linear_offset = config.glu_linear_offset;
  known.add_bias_linear = config.add_bias_linear;
  known.add_qkv_bias = config.add_qkv_bias;
  known.attention_proj_bias = config.attention_proj_bias;
  known.output_layer_bias = config.output_layer_bias;
  known.normalized_output_layer = config.normalized_output_layer;
  known.parallel_residual = config.parallel_residual;
  known.share_embeddings_and_output_weights = config.share_embeddings_and_output_weights;
  known.qk_layernorm = config.qk_layernorm;
  known.qk_layernorm_over_heads = config.qk_layernorm_over_heads;
  known.linear_attention = config.linear_attention;  // check_linear_attention
  known.attention_output_gate = config.attention_output_gate;
  known.qk_l2_norm = config.qk_l2_norm;
  known.qk_l2_norm_rotated_only = config.qk_l2_norm_rotated_only;
  known.attention_chunk_size = config.attention_chunk_size;
  known.attention_temperature = config.attention_temperature;
  known.softmax_scale = config.softmax_scale;
  known.softmax_type = config.softmax_type;
  known.attn_logit_softcapping = config.attn_logit_softcapping;
  known.final_logit_softcapping = config.final_logit_softcapping;
  known.sliding_window = config.sliding_window;
  known.window_layers = config.window_layers;
  known.embedding_multiplier = config.embedding_multiplier;
  known.residual_multiplier = config.residual_multiplier;
  known.logits_multiplier = config.logits_multiplier;
  known.moe = config.moe;  // check_moe
  known.mla = config.mla;
  known.mamba = config.mamba;                                // check_mamba
  known.hybrid_layer_pattern = config.hybrid_layer_pattern;  // check_hybrid
  known.mtp_num_layers = config.mtp_num_layers;  // left out: it predicts further tokens, not the next
  return known;
}

/// The same for a mixture of experts, whose fields differing_fields names too.
MoeConfig honoured(const MoeConfig& moe) {
  MoeConfig known;
  known.num_experts = moe.num_experts;
  known.ffn_hidden_size = moe.ffn_hidden_size;
  known.router_topk = moe.router_topk;
  known.layer_freq = moe.layer_freq;
  known.shared_expert_intermediate_size = moe.shared_expert_intermediate_size;
  known.shared_expert_gate = moe.shared_expert_gate;
  known.router_score_function = moe.router_score_function;
  known.router_pre_softmax = moe.router_pre_softmax;
  known.router_enable_expert_bias = moe.router_enable_expert_bias;
  known.router_num_groups = moe.router_num_groups;
  known.router_group_topk = moe.router_group_topk;
  known.router_group_score_topk = moe.router_group_score_topk;
  known.router_topk_scaling_factor = moe.router_topk_scaling_factor;
  known.router_fp32 = moe.router_fp32;  // the router is always computed in float32
  known.apply_probs_on_input = moe.apply_probs_on_input;
  return known;
}

void check_known(const TransformerConfig& config, const Check& check) {
  if (config.image || config.vision) check.absent("images");
  TransformerConfig known = honoured(config);
  if (known.moe) known.moe = honoured(*config.moe);
  for (const std::string& field : differing_fields(config, known)) check.absent(field);
}

void check_mlp(const TransformerConfig& config, const Check& check) {
  check.that(!config.activation_clamp || config.gated_linear_unit,
             "activation_func_clamp_value without a gate",
             std::to_string(config.activation_clamp.value_or(0)), "none");
  if (config.activation_clamp)
    check.number("activation_func_clamp_value", *config.activation_clamp, 1e-6, 1e9);
  check.number("glu_linear_offset", config.glu_linear_offset, -1e9, 1e9);
  check.that(config.glu_linear_offset == 0 || config.gated_linear_unit, "glu_linear_offset without a gate",
             std::to_string(config.glu_linear_offset), "0");
}

}  // namespace

ActivationKind activation_kind(const std::string& name, const std::string& source) {
  for (const auto& [known, kind] : kActivations) {
    if (known == name) return kind;
  }
  throw InputError(source + ": generation does not support activation = " + name);
}

void require_supported(const TransformerConfig& config, const std::string& source) {
  const Check check(source);
  check_known(config, check);
  check.positive("num_layers", config.num_layers);
  check.positive("hidden_size", config.hidden_size);
  check.positive("ffn_hidden_size", config.ffn_hidden_size);
  check.positive("vocab_size", config.vocab_size);
  check.positive("max_position_embeddings", config.max_position_embeddings);
  check.one_of("position_embedding_type", config.position_embedding_type,
               {"rope", "learned_absolute", "none"});
  if (config.position_embedding_type == "rope") check_rotary(config, check);
  check.one_of("normalization", config.normalization, {"RMSNorm", "LayerNorm"});
  check.number("layernorm_epsilon", config.layernorm_epsilon, 0.0, 1.0);
  activation_kind(config.activation, source);
  check_mlp(config, check);
  check_attention(config, check);
  if (config.mla) check_latent_attention(config, check);
  if (config.linear_attention) check_linear_attention(config, check);
  if (config.mamba) check_mamba(config, check);
  if (!config.hybrid_layer_pattern.empty()) check_hybrid(config, check);
  if (config.moe) check_moe(config, check);
  // The length of a row would have to count its bias in or not; no model says which.
  check.that(!config.normalized_output_layer || !config.output_layer_bias,
             "normalized_output_layer with a bias", "true", "no bias");
  check.number("embedding_multiplier", config.embedding_multiplier, -1e9, 1e9);
  check.number("residual_multiplier", config.residual_multiplier, -1e9, 1e9);
  check.number("logits_multiplier", config.logits_multiplier, -1e9, 1e9);
  if (config.final_logit_softcapping)
    check.number("final_logit_softcapping", *config.final_logit_softcapping, 1e-6, 1e9);
}

}  // namespace mhub::runtime
