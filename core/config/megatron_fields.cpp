// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/megatron_fields.hpp"

#include <cmath>

namespace mhub {
namespace {

/// A setting that Megatron states as a list with one entry a layer or as an integer N. `expand(i, N)` is the
/// entry of layer i for the integer.
template <typename Expand>
void layer_list(FieldBinding& f, const std::string& key, std::int64_t layers, std::vector<std::int64_t>& list,
                const Expand& expand) {
  if (!f.reading() || !f.reader().has(key)) {
    if (!f.reading() && !list.empty()) f.integers(key, list);
    return;
  }
  if (!f.reader().json().at(key).is_number_integer()) {
    list = f.reader().integers(key);
    return;
  }
  const std::int64_t every = f.reader().positive(key);
  list.clear();
  for (std::int64_t i = 0; i < std::min<std::int64_t>(layers, 1 << 20); ++i) list.push_back(expand(i, every));
}

/// Fields that older versions do not know are written only where they say something.
class Rare {
 public:
  explicit Rare(FieldBinding& fields) : f_(fields) {}
  void number(const char* key, double& value, double usual) {
    if (f_.reading() || value != usual) f_.number(key, value);
  }
  void flag(const char* key, bool& value, bool usual) {
    if (f_.reading() || value != usual) f_.boolean(key, value);
  }
  void text(const char* key, std::string& value, const char* usual) {
    if (f_.reading() || value != usual) f_.text(key, value);
  }
  template <typename T>
  void optional(const char* key, std::optional<T>& value) {
    if (f_.reading() || value) f_.optional(key, value);
  }

 private:
  FieldBinding& f_;
};

void bind_attention(FieldBinding& f, TransformerConfig& c) {
  f.boolean("add_qkv_bias", c.add_qkv_bias);
  f.boolean("qk_layernorm", c.qk_layernorm);
  f.boolean("rotary_interleaved", c.rotary_interleaved);
  Rare rare(f);
  rare.flag("qk_l2_norm", c.qk_l2_norm, false);
  rare.flag("attention_output_gate", c.attention_output_gate, false);
  rare.optional("softmax_scale", c.softmax_scale);
  rare.text("softmax_type", c.softmax_type, "vanilla");
  // HF counts the tokens that a query sees, itself included; Megatron counts those to its left.
  if (f.reading() && f.reader().has("window_size")) {
    const auto& window = f.reader().json().at("window_size");
    if (window.is_number_integer()) c.sliding_window = window.get<std::int64_t>();
    if (window.is_array() && !window.empty() && window[0].is_number_integer() &&
        window[0].get<std::int64_t>() >= 0)
      c.sliding_window = window[0].get<std::int64_t>() + 1;
  } else {
    f.constant("window_size", c.sliding_window ? nlohmann::json{*c.sliding_window - 1, 0} : nlohmann::json());
  }
  layer_list(f, "window_attn_skip_freq", c.num_layers, c.window_layers,
             [](std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 0 : 1; });
  layer_list(f, "no_rope_freq", c.num_layers, c.no_rope_layers,
             [](std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 1 : 0; });
}

void bind_moe(FieldBinding& f, TransformerConfig& c, const std::string& num_experts_key) {
  if (f.reading() && f.reader().has(num_experts_key)) c.moe.emplace();
  if (!c.moe) {
    f.constant(num_experts_key, nullptr);
    return;
  }
  MoeConfig& moe = *c.moe;
  f.positive(num_experts_key, moe.num_experts);
  if (f.reading()) moe.ffn_hidden_size = c.ffn_hidden_size;
  f.positive("moe_ffn_hidden_size", moe.ffn_hidden_size);
  f.positive("moe_router_topk", moe.router_topk);
  if (!f.reading() && moe.layer_freq.empty()) f.constant("moe_layer_freq", 1);
  layer_list(f, "moe_layer_freq", c.num_layers, moe.layer_freq,
             [](std::int64_t i, std::int64_t every) { return i % every == 0 ? 1 : 0; });
  // The integer 1 is the default, which keeps stacked keys.
  if (f.reading() && f.reader().has("moe_layer_freq") && f.reader().json().at("moe_layer_freq") == 1)
    moe.layer_freq.clear();
  std::optional<std::int64_t> shared, groups, group_topk;
  std::optional<double> scaling;
  if (moe.shared_expert_intermediate_size > 0) shared = moe.shared_expert_intermediate_size;
  if (moe.router_num_groups > 0) groups = moe.router_num_groups;
  if (moe.router_group_topk > 0) group_topk = moe.router_group_topk;
  if (moe.router_topk_scaling_factor != 1.0) scaling = moe.router_topk_scaling_factor;
  f.optional("moe_shared_expert_intermediate_size", shared);
  f.optional("moe_router_num_groups", groups);
  f.optional("moe_router_group_topk", group_topk);
  f.optional("moe_router_topk_scaling_factor", scaling);
  moe.shared_expert_intermediate_size = shared.value_or(0);
  moe.router_num_groups = groups.value_or(0);
  moe.router_group_topk = group_topk.value_or(0);
  moe.router_topk_scaling_factor = scaling.value_or(1.0);
  // Megatron-Core has no setting for it.
  const std::int64_t per_group = moe.router_group_topk > 0 ? moe.router_topk / moe.router_group_topk : 0;
  if (f.reading()) moe.router_group_score_topk = per_group;
  if (f.reading() || moe.router_group_score_topk != per_group)
    f.integer("hf_moe_router_group_score_topk", moe.router_group_score_topk);
  f.boolean("moe_shared_expert_gate", moe.shared_expert_gate);
  f.text("moe_router_score_function", moe.router_score_function);
  f.boolean("moe_router_pre_softmax", moe.router_pre_softmax);
  f.boolean("moe_router_enable_expert_bias", moe.router_enable_expert_bias);
  f.boolean("moe_apply_probs_on_input", moe.apply_probs_on_input);
  std::string dtype = moe.router_fp32 ? "fp32" : "";
  if (f.reading() || moe.router_fp32) f.text("moe_router_dtype", dtype);
  moe.router_fp32 = !dtype.empty();
  // Megatron-Bridge keeps a list for several losses.
  if (!f.reading() ||
      (f.reader().has("moe_aux_loss_coeff") && f.reader().json().at("moe_aux_loss_coeff").is_number()))
    f.number("moe_aux_loss_coeff", c.training.moe_aux_loss_coeff);
  f.constant("moe_grouped_gemm", true);
}

void bind_mla(FieldBinding& f, TransformerConfig& c) {
  bool enabled = c.mla.has_value();
  f.boolean("multi_latent_attention", enabled);
  if (!enabled) return;
  if (!c.mla) c.mla.emplace();
  std::optional<std::int64_t> q_lora;
  if (c.mla->q_lora_rank > 0) q_lora = c.mla->q_lora_rank;
  f.optional("q_lora_rank", q_lora);
  c.mla->q_lora_rank = q_lora.value_or(0);
  f.positive("kv_lora_rank", c.mla->kv_lora_rank);
  f.positive("qk_head_dim", c.mla->qk_head_dim);
  f.positive("qk_pos_emb_head_dim", c.mla->qk_pos_emb_head_dim);
  f.positive("v_head_dim", c.mla->v_head_dim);
  // MLATransformerConfig always scales (rope_type "yarn" with a factor of 1 is plain).
  MegatronYarn yarn = megatron_yarn(c).value_or(MegatronYarn{});
  if (!f.reading() && !megatron_yarn(c)) yarn.mscale_all_dim = 1.0;
  std::string type = c.rope_scaling.type == "yarn" ? "yarn" : "rope";
  f.text("rope_type", type);
  f.number("rotary_scaling_factor", yarn.factor);
  f.positive("original_max_position_embeddings", yarn.original_max_position_embeddings);
  f.number("beta_fast", yarn.beta_fast);
  f.number("beta_slow", yarn.beta_slow);
  f.number("mscale", yarn.mscale);
  f.number("mscale_all_dim", yarn.mscale_all_dim);
  if (f.reading() && type == "yarn" && yarn.factor != 1.0) c.rope_scaling = hf_yarn(yarn);
}

void bind_linear_attention(FieldBinding& f, TransformerConfig& c) {
  if (f.reading() && f.reader().has("linear_attention_freq")) c.linear_attention.emplace();
  if (!c.linear_attention) return;
  LinearAttentionConfig& linear = *c.linear_attention;
  f.constant("experimental_attention_variant", "gated_delta_net");
  layer_list(f, "linear_attention_freq", c.num_layers, linear.layer_freq,
             [](std::int64_t i, std::int64_t every) { return (i + 1) % every == 0 ? 0 : 1; });
  f.positive("linear_conv_kernel_dim", linear.conv_kernel_dim);
  f.positive("linear_key_head_dim", linear.key_head_dim);
  f.positive("linear_value_head_dim", linear.value_head_dim);
  f.positive("linear_num_key_heads", linear.num_key_heads);
  f.positive("linear_num_value_heads", linear.num_value_heads);
}

void bind_hybrid(FieldBinding& f, TransformerConfig& c) {
  if (f.reading() || !c.hybrid_layer_pattern.empty()) f.text("hybrid_layer_pattern", c.hybrid_layer_pattern);
  if (f.reading() && f.reader().has("mamba_state_dim") &&
      c.hybrid_layer_pattern.find('M') != std::string::npos)
    c.mamba.emplace();
  if (!c.mamba) return;
  f.positive("mamba_state_dim", c.mamba->state_dim);
  f.positive("mamba_head_dim", c.mamba->head_dim);
  f.positive("mamba_num_groups", c.mamba->num_groups);
  f.positive("mamba_num_heads", c.mamba->num_heads);
}

/// Megatron-Bridge states a base for layers with a window as the first of a pair.
void bind_rotary_base(FieldBinding& f, TransformerConfig& c) {
  if (f.reading() && f.reader().has("rotary_base") && f.reader().json().at("rotary_base").is_array()) {
    const std::vector<double> bases = f.reader().numbers("rotary_base");
    if (bases.size() != 2) f.reader().fail("rotary_base", "expected a number or a pair");
    c.rotary_base_local = bases[0];
    c.rotary_base = bases[1];
  } else {
    f.number("rotary_base", c.rotary_base);
  }
}

/// What Megatron-Core has no field for.
void bind_unnamed(FieldBinding& f, TransformerConfig& c) {
  Rare rare(f);
  rare.number("hf_residual_multiplier", c.residual_multiplier, 1.0);
  rare.flag("hf_pre_norms", c.pre_norms, true);
  rare.flag("hf_post_norms", c.post_norms, false);
  rare.flag("hf_layernorm_bias", c.layernorm_bias, true);
  rare.flag("hf_attention_proj_bias", c.attention_proj_bias, false);
  rare.flag("hf_output_layer_bias", c.output_layer_bias, false);
  rare.flag("hf_parallel_residual", c.parallel_residual, false);
  rare.flag("hf_shared_pre_norm", c.shared_pre_norm, false);
  rare.flag("hf_normalized_output_layer", c.normalized_output_layer, false);
  rare.flag("hf_qk_layernorm_over_heads", c.qk_layernorm_over_heads, false);
  rare.optional("hf_rotary_base_local", c.rotary_base_local);
  rare.optional("hf_attention_chunk_size", c.attention_chunk_size);
  rare.flag("hf_qk_l2_norm_rotated_only", c.qk_l2_norm_rotated_only, false);
  if (f.reading() && f.reader().has("hf_attention_floor_scale")) c.attention_temperature.emplace();
  if (c.attention_temperature) {
    f.positive("hf_attention_floor_scale", c.attention_temperature->floor_scale);
    f.number("hf_attention_temperature_scale", c.attention_temperature->scale);
    f.integer("hf_attention_first_position", c.attention_temperature->first_position);
    f.boolean("hf_attention_temperature_everywhere", c.attention_temperature->everywhere);
  }
  // Megatron-Bridge's Gemma providers have these two under their own names.
  rare.optional("attn_logit_softcapping", c.attn_logit_softcapping);
  rare.optional("final_logit_softcapping", c.final_logit_softcapping);
}

}  // namespace

void bind_megatron_fields(FieldBinding& f, TransformerConfig& c, const std::string& num_experts_key) {
  f.positive("num_layers", c.num_layers);
  f.positive("hidden_size", c.hidden_size);
  f.positive("ffn_hidden_size", c.ffn_hidden_size);
  f.positive("num_attention_heads", c.num_attention_heads);
  f.positive("kv_channels", c.kv_channels);
  if (f.reading() && c.kv_channels == 0 && c.num_attention_heads > 0)
    c.kv_channels = c.hidden_size / c.num_attention_heads;
  if (f.reading() && c.ffn_hidden_size == 0) c.ffn_hidden_size = 4 * c.hidden_size;
  f.text("normalization", c.normalization);
  f.boolean("add_bias_linear", c.add_bias_linear);
  bind_rotary_base(f, c);
  f.number("rotary_percent", c.rotary_percent);
  Rare(f).optional("activation_func_clamp_value", c.activation_clamp);
  Rare(f).number("glu_linear_offset", c.glu_linear_offset, 0.0);
  f.number("attention_dropout", c.training.attention_dropout);
  f.number("hidden_dropout", c.training.hidden_dropout);
  f.number("init_method_std", c.training.init_method_std);
  bind_attention(f, c);
  bind_moe(f, c, num_experts_key);
  bind_mla(f, c);
  bind_linear_attention(f, c);
  bind_hybrid(f, c);
  if (f.reading() || c.mtp_num_layers > 0) f.integer("mtp_num_layers", c.mtp_num_layers);
  bind_unnamed(f, c);
}

void bind_multipliers(FieldBinding& f, TransformerConfig& c) {
  const auto heads = static_cast<double>(c.kv_channels);
  const bool scaled = c.softmax_scale && !c.mla;
  bool enabled = c.embedding_multiplier != 1.0 || c.logits_multiplier != 1.0 || scaled;
  if (!f.reading() && !enabled) return;
  f.boolean("use_mup", enabled);
  if (!enabled) return;
  std::optional<double> base;
  if (!f.reading()) base = scaled ? *c.softmax_scale * *c.softmax_scale * heads * heads : heads;
  double power = 1.0;
  f.number("mup_embedding_mult", c.embedding_multiplier);
  f.number("mup_output_mult", c.logits_multiplier);
  f.optional("mup_base_head_dim", base);
  f.number("mup_attn_scale_power", power);
  if (!f.reading()) return;
  std::int64_t base_hidden = c.hidden_size;
  f.positive("mup_base_hidden_size", base_hidden);
  if (c.logits_multiplier == 1.0 && c.hidden_size > 0)
    c.logits_multiplier = static_cast<double>(base_hidden) / static_cast<double>(c.hidden_size);
  const double scale = std::sqrt(base.value_or(1.0)) / std::pow(heads, power);
  if (!c.softmax_scale && !c.mla && std::abs(scale * std::sqrt(heads) - 1.0) > 1e-9) c.softmax_scale = scale;
}

bool is_gelu_tanh(const std::string& activation) {
  return activation == "gelu_new" || activation == "gelu_pytorch_tanh" || activation == "gelu_fast";
}

}  // namespace mhub
