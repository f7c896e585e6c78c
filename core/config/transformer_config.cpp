// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/transformer_config.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/config/field_binding.hpp"
#include "mhub/config/megatron_fields.hpp"
#include "mhub/config/vision_fields.hpp"

namespace mhub {
namespace {

nlohmann::json described(RopeScaling rope) {
  FieldBinding f;
  f.text("type", rope.type);
  f.number("factor", rope.factor);
  f.number("low_freq_factor", rope.low_freq_factor);
  f.number("high_freq_factor", rope.high_freq_factor);
  f.integer("original_max_position_embeddings", rope.original_max_position_embeddings);
  f.number("beta_fast", rope.beta_fast);
  f.number("beta_slow", rope.beta_slow);
  f.optional("attention_factor", rope.attention_factor);
  f.optional("mscale", rope.mscale);
  f.optional("mscale_all_dim", rope.mscale_all_dim);
  f.boolean("truncate", rope.truncate);
  f.numbers("short_factor", rope.short_factor);
  f.numbers("long_factor", rope.long_factor);
  return f.written();
}

/// A list with one entry a layer says the same as an absent one where all entries are `everywhere`.
std::vector<std::int64_t> meaning(const std::vector<std::int64_t>& list, std::int64_t everywhere) {
  const bool plain = std::all_of(list.begin(), list.end(), [&](std::int64_t v) { return v == everywhere; });
  return plain ? std::vector<std::int64_t>{} : list;
}

nlohmann::json described(MoeConfig moe) {
  FieldBinding f;
  f.integer("num_experts", moe.num_experts);
  f.integer("ffn_hidden_size", moe.ffn_hidden_size);
  f.integer("router_topk", moe.router_topk);
  f.constant("layer_freq", meaning(moe.layer_freq, 1));
  f.integer("shared_expert_intermediate_size", moe.shared_expert_intermediate_size);
  f.boolean("shared_expert_gate", moe.shared_expert_gate);
  f.text("router_score_function", moe.router_score_function);
  if (moe.router_score_function == "softmax") f.boolean("router_pre_softmax", moe.router_pre_softmax);
  f.boolean("router_enable_expert_bias", moe.router_enable_expert_bias);
  f.integer("router_num_groups", moe.router_num_groups);
  f.integer("router_group_topk", moe.router_group_topk);
  if (moe.router_num_groups > 0) f.integer("router_group_score_topk", moe.router_group_score_topk);
  f.number("router_topk_scaling_factor", moe.router_topk_scaling_factor);
  f.boolean("apply_probs_on_input", moe.apply_probs_on_input);
  return f.written();
}

nlohmann::json described(MlaConfig mla) {
  FieldBinding f;
  f.integer("q_lora_rank", mla.q_lora_rank);
  f.integer("kv_lora_rank", mla.kv_lora_rank);
  f.integer("qk_head_dim", mla.qk_head_dim);
  f.integer("qk_pos_emb_head_dim", mla.qk_pos_emb_head_dim);
  f.integer("v_head_dim", mla.v_head_dim);
  return f.written();
}

nlohmann::json described(LinearAttentionConfig linear) {
  FieldBinding f;
  f.integers("layer_freq", linear.layer_freq);
  f.integer("conv_kernel_dim", linear.conv_kernel_dim);
  f.integer("key_head_dim", linear.key_head_dim);
  f.integer("value_head_dim", linear.value_head_dim);
  f.integer("num_key_heads", linear.num_key_heads);
  f.integer("num_value_heads", linear.num_value_heads);
  return f.written();
}

nlohmann::json described(MambaConfig mamba) {
  FieldBinding f;
  f.integer("state_dim", mamba.state_dim);
  f.integer("head_dim", mamba.head_dim);
  f.integer("num_groups", mamba.num_groups);
  f.integer("num_heads", mamba.num_heads);
  f.integer("conv_kernel_dim", mamba.conv_kernel_dim);
  return f.written();
}

nlohmann::json described(TransformerConfig c);

nlohmann::json described(ImageConfig image) {
  FieldBinding f;
  bind_image_fields(f, image);
  return f.written();
}

nlohmann::json described(VisionConfig vision) {
  FieldBinding f;
  f.constant("tower", described(vision.tower));
  bind_projector_fields(f, vision);
  return f.written();
}

/// HF's names for one function.
std::string canonical_activation(const std::string& name) {
  if (is_gelu_tanh(name)) return "gelu_pytorch_tanh";
  return name == "swish" ? "silu" : name;
}

void describe_attention(FieldBinding& f, TransformerConfig& c) {
  f.boolean("qk_layernorm", c.qk_layernorm);
  f.boolean("qk_layernorm_over_heads", c.qk_layernorm_over_heads);
  f.boolean("qk_l2_norm", c.qk_l2_norm);
  if (!c.no_rope_layers.empty()) f.boolean("qk_l2_norm_rotated_only", c.qk_l2_norm_rotated_only);
  f.boolean("attention_output_gate", c.attention_output_gate);
  f.optional("softmax_scale", c.softmax_scale);
  f.text("softmax_type", c.softmax_type);
  f.optional("attn_logit_softcapping", c.attn_logit_softcapping);
  f.optional("final_logit_softcapping", c.final_logit_softcapping);
  f.optional("sliding_window", c.sliding_window);
  if (c.sliding_window) f.constant("window_layers", meaning(c.window_layers, 1));
  f.optional("attention_chunk_size", c.attention_chunk_size);
  if (c.attention_temperature &&
      (c.attention_temperature->everywhere || !meaning(c.no_rope_layers, 0).empty())) {
    f.integer("attention_temperature.floor_scale", c.attention_temperature->floor_scale);
    f.number("attention_temperature.scale", c.attention_temperature->scale);
    f.integer("attention_temperature.first_position", c.attention_temperature->first_position);
    f.boolean("attention_temperature.everywhere", c.attention_temperature->everywhere);
  }
}

/// Everything that changes the mathematics, by name.
nlohmann::json described(TransformerConfig c) {
  FieldBinding f;
  f.integer("num_layers", c.num_layers);
  f.integer("hidden_size", c.hidden_size);
  f.integer("ffn_hidden_size", c.ffn_hidden_size);
  f.integer("num_attention_heads", c.num_attention_heads);
  if (!c.mla) {  // latent attention does not look at them
    f.integer("num_query_groups", c.num_query_groups);
    f.integer("kv_channels", c.kv_channels);
  }
  f.integer("vocab_size", c.vocab_size);
  f.integer("max_position_embeddings", c.max_position_embeddings);
  f.text("position_embedding_type", c.position_embedding_type);
  if (c.position_embedding_type == "rope") {
    f.number("rotary_base", c.rotary_base);
    f.number("rotary_percent", c.rotary_percent);
    f.boolean("rotary_interleaved", c.rotary_interleaved);
    f.constant("rope_scaling", described(c.rope_scaling));
    f.optional("rotary_base_local", c.rotary_base_local);
    f.constant("no_rope_layers", meaning(c.no_rope_layers, 0));
  }
  f.text("normalization", c.normalization);
  f.number("layernorm_epsilon", c.layernorm_epsilon);
  f.boolean("layernorm_zero_centered_gamma", c.layernorm_zero_centered_gamma);
  if (c.normalization == "LayerNorm") f.boolean("layernorm_bias", c.layernorm_bias);
  f.boolean("pre_norms", c.pre_norms);
  f.boolean("post_norms", c.post_norms);
  f.constant("activation", canonical_activation(c.activation));
  f.boolean("gated_linear_unit", c.gated_linear_unit);
  f.optional("activation_clamp", c.activation_clamp);
  f.number("glu_linear_offset", c.glu_linear_offset);
  f.boolean("add_bias_linear", c.add_bias_linear);
  f.constant("add_qkv_bias", c.add_qkv_bias || c.add_bias_linear);
  f.constant("attention_proj_bias", c.attention_proj_bias || c.add_bias_linear);
  f.boolean("output_layer_bias", c.output_layer_bias);
  f.boolean("parallel_residual", c.parallel_residual);
  f.boolean("shared_pre_norm", c.shared_pre_norm);
  f.boolean("normalized_output_layer", c.normalized_output_layer);
  f.boolean("share_embeddings_and_output_weights", c.share_embeddings_and_output_weights);
  describe_attention(f, c);
  f.number("embedding_multiplier", c.embedding_multiplier);
  f.number("residual_multiplier", c.residual_multiplier);
  f.number("logits_multiplier", c.logits_multiplier);
  if (c.moe) f.constant("moe", described(*c.moe));
  if (c.mla) f.constant("mla", described(*c.mla));
  if (c.linear_attention) f.constant("linear_attention", described(*c.linear_attention));
  if (c.mamba) f.constant("mamba", described(*c.mamba));
  std::erase(c.hybrid_layer_pattern, '|');  // pipeline stages
  f.text("hybrid_layer_pattern", c.hybrid_layer_pattern);
  f.integer("mtp_num_layers", c.mtp_num_layers);
  if (c.image) f.constant("image", described(*c.image));
  if (c.vision) f.constant("vision", described(*c.vision));
  return f.written();
}

/// Numbers that went through text or single precision are still the same setting.
bool same(const nlohmann::json& a, const nlohmann::json& b) {
  if (!a.is_number() || !b.is_number()) return a == b;
  const auto x = a.get<double>(), y = b.get<double>();
  return std::abs(x - y) <= 1e-6 * std::max(std::abs(x), std::abs(y));
}

void compare(const std::string& path, const nlohmann::json& a, const nlohmann::json& b,
             std::vector<std::string>& out) {
  if (a.is_object() && b.is_object()) {
    nlohmann::json keys = a;
    keys.update(b);
    for (const auto& entry : keys.items()) {
      compare(path.empty() ? entry.key() : path + "." + entry.key(), a.value(entry.key(), nlohmann::json()),
              b.value(entry.key(), nlohmann::json()), out);
    }
  } else if (!same(a, b)) {
    out.push_back(path + " (" + a.dump() + ", " + b.dump() + ")");
  }
}

}  // namespace

std::vector<std::string> differing_fields(const TransformerConfig& a, const TransformerConfig& b) {
  std::vector<std::string> out;
  compare("", described(a), described(b), out);
  return out;
}

}  // namespace mhub
