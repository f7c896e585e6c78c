// SPDX-License-Identifier: Apache-2.0
#include "deepseek.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "mhub/rules/moe_rules.hpp"
#include "sparse.hpp"

namespace mhub::deepseek {
namespace {

Mapping mapping_of(const TransformerConfig& megatron) {
  Mapping map;
  add_ends(map, megatron, {});
  add_latent_attention(map, megatron, {});
  add_mlps(map, megatron, {}, {});
  add_mtp(map, megatron, {});
  map.ignore("*layers.*.self_attn.rotary_emb.inv_freq", "rotary frequencies, computed from the config");
  return map;
}

}  // namespace

void DeepseekConfig::bind(ConfigBinding& b, const DeepseekKeys& keys) {
  TransformerConfig& m = b.megatron;
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
  b.check(num_hidden_layers <= 65536, "num_hidden_layers", "expected 65536 at most");
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  b.number("rms_norm_eps", rms_norm_eps, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.text("hidden_act", hidden_act, m.activation);
  b.boolean("tie_word_embeddings", tie_word_embeddings, m.share_embeddings_and_output_weights);
  b.fixed(m.bridge_provider, "megatron.bridge.models.mla_provider.MLAModelProvider");
  bind_attention(b, keys);
  bind_experts(b, keys);
}

void DeepseekConfig::bind_attention(ConfigBinding& b, const DeepseekKeys& keys) {
  TransformerConfig& m = b.megatron;
  if (!m.mla) m.mla.emplace();
  b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
  b.positive("num_key_value_heads", num_key_value_heads, m.num_query_groups);
  if (b.reading() && num_key_value_heads == 0) num_key_value_heads = num_attention_heads;
  b.check(num_key_value_heads == num_attention_heads, "num_key_value_heads",
          "unsupported: latent attention has one per attention head");
  b.optional("q_lora_rank", q_lora_rank);
  b.check(q_lora_rank.value_or(1) > 0, "q_lora_rank", "expected null, or 1 or more");
  if (b.to_megatron()) m.mla->q_lora_rank = q_lora_rank.value_or(0);
  if (b.from_megatron())
    q_lora_rank = m.mla->q_lora_rank > 0 ? std::optional(m.mla->q_lora_rank) : std::nullopt;
  b.positive("kv_lora_rank", kv_lora_rank, m.mla->kv_lora_rank);
  b.positive("qk_nope_head_dim", qk_nope_head_dim, m.mla->qk_head_dim);
  b.positive("qk_rope_head_dim", qk_rope_head_dim, m.mla->qk_pos_emb_head_dim);
  b.positive("v_head_dim", v_head_dim, m.mla->v_head_dim);
  b.rotary(rotary, keys.rotary);
  const RopeScaling& scaling = rotary.scaling;
  b.check(scaling.type == RopeKind::none || scaling.type == RopeKind::yarn, "rope_scaling",
          "unsupported with latent attention: \"" + name_of(scaling.type) + "\"");
  b.check(scaling.mscale.has_value() == scaling.mscale_all_dim.has_value(), "rope_scaling",
          "unsupported: one of mscale and mscale_all_dim alone");
  b.check(scaling.type != RopeKind::yarn || (scaling.truncate && !scaling.attention_factor), "rope_scaling",
          "unsupported with latent attention: truncate=false or attention_factor");
  b.require("attention_bias", false);
  b.require("rope_interleave", true);  // Megatron-Core's latent attention always pairs neighbours
  b.fixed(m.kv_channels, qk_nope_head_dim + qk_rope_head_dim);
  b.fixed(m.qk_layernorm, true);
}

void DeepseekConfig::bind_experts(ConfigBinding& b, const DeepseekKeys& keys) {
  MoeConfig& moe = moe_config(b);
  b.positive(keys.experts, n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  b.require("moe_layer_freq", 1);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, keys.shared_experts, n_shared_experts);
  bind_expert_groups(b, n_group, topk_group);
  b.fixed(moe.router_pre_softmax, true);
}

DeepseekMoeConfig::DeepseekMoeConfig() {
  vocab_size = 102400;
  num_hidden_layers = 30;
}

void DeepseekMoeConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("n_routed_experts", n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.require("moe_layer_freq", 1);
  b.require("scoring_func", "softmax");
  b.require("attention_bias", false);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "n_shared_experts", n_shared_experts);
  bind_several_softmax_router(b, norm_topk_prob, num_experts_per_tok);
}

Mapping DeepseekForCausalLM::mapping(const DeepseekMoeConfig&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, {}, {});
}

DeepseekV2Config::DeepseekV2Config() {
  vocab_size = 102400;
  n_shared_experts = 2;
  n_group.reset();
  topk_group.reset();
  first_k_dense_replace = 0;
}

void DeepseekV2Config::bind(ConfigBinding& b) {
  DeepseekConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.require("scoring_func", "softmax");
  b.require("norm_topk_prob", false);
  b.require("mlp_bias", false);
  b.text("topk_method", topk_method);
  b.check(topk_method == "greedy" || topk_method == "group_limited_greedy", "topk_method",
          "unsupported: \"" + topk_method + "\"");
  // Groups count by their best expert.
  if (topk_method == "greedy" && b.to_megatron()) moe.router_num_groups = moe.router_group_topk = 0;
  b.fixed(moe.router_group_score_topk, moe.router_num_groups > 0 ? 1 : 0);
  if (b.from_megatron() && moe.router_num_groups > 0) topk_method = "group_limited_greedy";
}

Mapping DeepseekV2ForCausalLM::mapping(const DeepseekV2Config&, const TransformerConfig& megatron) {
  return mapping_of(megatron);
}

DeepseekV3Config::DeepseekV3Config() {
  routed_scaling_factor = 2.5;
  n_group = 8;
  topk_group = 4;
}

void DeepseekV3Config::bind(ConfigBinding& b) {
  DeepseekConfig::bind(b);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.require("topk_method", "noaux_tc");
  bind_prediction_blocks(b, num_nextn_predict_layers);
}

Mapping DeepseekV3Model::mapping(const DeepseekV3Config&, const TransformerConfig& megatron) {
  return mapping_of(megatron);
}

Glm4MoeLiteConfig::Glm4MoeLiteConfig() {
  vocab_size = 154880;
  hidden_size = 2048;
  intermediate_size = 10240;
  num_hidden_layers = 47;
  num_attention_heads = num_key_value_heads = 20;
  max_position_embeddings = 202752;
  q_lora_rank = 768;
  qk_nope_head_dim = 192;
  v_head_dim = 256;
  n_routed_experts = 64;
  num_experts_per_tok = 4;
  moe_intermediate_size = 1536;
  n_group = topk_group = 1;
  first_k_dense_replace = 1;
  routed_scaling_factor = 1.8;
  rms_norm_eps = 1e-5;
}

void Glm4MoeLiteConfig::bind(ConfigBinding& b) {
  bind_mlp_layer_types(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  DeepseekV3Config::bind(b);
}

SarvamMLAConfig::SarvamMLAConfig() {
  vocab_size = 262144;
  hidden_size = 4096;
  intermediate_size = 16384;
  num_hidden_layers = 32;
  num_attention_heads = 64;
  q_lora_rank.reset();
  n_routed_experts = 128;
  first_k_dense_replace = 1;
  initializer_range = 0.006;
  routed_scaling_factor = 2.5;
}

void SarvamMLAConfig::bind(ConfigBinding& b) {
  DeepseekKeys keys{"num_experts", "num_shared_experts"};
  keys.rotary.yarn = "deepseek_yarn";
  if (b.reading() && !b.reader().has("rope_parameters")) {
    b.absent_means("rope_scaling", {{"rope_type", keys.rotary.yarn},
                                    {"factor", 40},
                                    {"original_max_position_embeddings", 4096},
                                    {"beta_fast", 32},
                                    {"beta_slow", 1},
                                    {"mscale", 1.0},
                                    {"mscale_all_dim", 1.0}});
  }
  // What the gate takes where the config is silent, as the published one is: modeling_sarvam_moe.py, MoEGate.
  // Megatron-Bridge builds a router without groups, whatever the config says (sarvam_mla_bridge.py).
  b.absent_means("n_group", b.reader().integer(keys.experts, n_routed_experts) / 8);
  b.absent_means("topk_group", 2);
  DeepseekConfig::bind(b, keys);
  bind_sigmoid_router(b, num_experts_per_tok, "score_function");
  b.require("scoring_func", "sigmoid");
  b.require("topk_method", "noaux_tc");
  b.require("moe_router_enable_expert_bias", true);
  b.check(rotary.scaling.type == RopeKind::yarn && rotary.scaling.mscale, "rope_scaling",
          "expected " + keys.rotary.yarn + " with mscale and mscale_all_dim");
}

Mapping SarvamMLAForCausalLM::mapping(const SarvamMLAConfig&, const TransformerConfig& megatron) {
  return mapping_of(megatron);
}

}  // namespace mhub::deepseek

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "deepseek";
  registrar.about =
      "DeepSeekMoE 16B, DeepSeek-V2, V3, R1, V3.2, Moonlight, Kimi-K2, GLM-4.7-Flash, GLM-5, Sarvam 105B";
  registrar.add<mhub::deepseek::DeepseekForCausalLM>();
  registrar.add<mhub::deepseek::DeepseekV2ForCausalLM>();
  registrar.add<mhub::deepseek::DeepseekV3ForCausalLM>();
  registrar.add<mhub::deepseek::Glm4MoeLiteForCausalLM>();
  registrar.add<mhub::deepseek::DeepseekV32ForCausalLM>();
  registrar.add<mhub::deepseek::GlmMoeDsaForCausalLM>();
  registrar.add<mhub::deepseek::SarvamMLAForCausalLM>();
  registrar.add_alias<mhub::deepseek::DeepseekV3ForCausalLM>("KimiK2ForCausalLM", "KimiK2Config", "kimi_k2");
}
