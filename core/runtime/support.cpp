#include "mhub/runtime/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "mhub/base/error.hpp"
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
  void absent(const char* field, bool there) const {
    if (there) throw InputError(source_ + ": generation does not support " + field + " yet");
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
    check.that(scaling.high_freq_factor > scaling.low_freq_factor, "rope_scaling.high_freq_factor",
               std::to_string(scaling.high_freq_factor), "more than low_freq_factor");
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
  check_layer_list(config, "window_layers", config.window_layers, check);
  check_layer_list(config, "no_rope_layers", config.no_rope_layers, check);
  check.one_of("softmax_type", config.softmax_type, {"vanilla", "learnable"});
  if (config.softmax_scale) check.number("softmax_scale", *config.softmax_scale, 1e-9, 1e9);
  if (config.attn_logit_softcapping)
    check.number("attn_logit_softcapping", *config.attn_logit_softcapping, 1e-6, 1e9);
  check.absent("attention_chunk_size", config.attention_chunk_size.has_value());
  check.absent("attention_output_gate", config.attention_output_gate);
  check.absent("qk_l2_norm", config.qk_l2_norm);
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
  check.absent("post_norms with experts", config.post_norms);
  if (moe.router_num_groups == 0) return;
  const std::int64_t groups = moe.router_num_groups, kept = moe.router_group_topk;
  check.that(groups > 0 && moe.num_experts % groups == 0, "moe_router_num_groups", std::to_string(groups),
             "a divisor of the number of experts");
  check.that(kept > 0 && kept <= groups && moe.router_topk % kept == 0 &&
                 moe.router_topk <= kept * (moe.num_experts / groups),
             "moe_router_group_topk", std::to_string(kept),
             "a divisor of moe_router_topk, with enough experts");
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
  if (config.moe) check_moe(config, check);
  check.number("embedding_multiplier", config.embedding_multiplier, -1e9, 1e9);
  check.number("residual_multiplier", config.residual_multiplier, -1e9, 1e9);
  check.number("logits_multiplier", config.logits_multiplier, -1e9, 1e9);
  if (config.final_logit_softcapping)
    check.number("final_logit_softcapping", *config.final_logit_softcapping, 1e-6, 1e9);
  check.absent("linear attention", config.linear_attention.has_value());
  check.absent("mamba layers", config.mamba.has_value());
  check.absent("hybrid_layer_pattern", !config.hybrid_layer_pattern.empty());
}

}  // namespace mhub::runtime
