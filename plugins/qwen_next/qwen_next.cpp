// SPDX-License-Identifier: Apache-2.0
#include "qwen_next.hpp"

#include "../qwen_vl/whole.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::qwen_next {

QwenNextConfig::QwenNextConfig() {
  vocab_size = 151936;
  hidden_size = 2048;
  intermediate_size = 5632;
  num_hidden_layers = 48;
  num_attention_heads = 16;
  num_key_value_heads = 2;
  head_dim = 256;
  max_position_embeddings = 32768;
  rotary.partial_factor = 0.25;
}

void QwenNextConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.rotary.partial_factor = "partial_rotary_factor";
  DecoderConfig::bind(b, keys);
  linear.bind(b, num_hidden_layers);
  b.require("attention_bias", false);
  b.fixed(m.layernorm_zero_centered_gamma, true);
  b.fixed(m.qk_layernorm, true);
  b.fixed(m.attention_output_gate, true);
  b.integer("mtp_num_hidden_layers", mtp_num_hidden_layers);
  b.check(mtp_num_hidden_layers == 0 || mtp_num_hidden_layers == 1, "mtp_num_hidden_layers",
          "expected 0 or 1");
  b.check(mtp_num_hidden_layers == 0 || !linear.last(), "mtp_num_hidden_layers",
          "unsupported: a last decoder layer of linear attention, which Megatron would repeat");
  b.require("mtp_use_dedicated_embeddings", false);
  b.link(mtp_num_hidden_layers, m.mtp_num_layers);
}

void QwenNextMoeConfig::bind(ConfigBinding& b) {
  QwenNextConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.positive("shared_expert_intermediate_size", shared_expert_intermediate_size,
             moe.shared_expert_intermediate_size);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.fixed(moe.shared_expert_gate, true);
}

void Qwen3NextConfig::bind(ConfigBinding& b) {
  QwenNextMoeConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.boolean("norm_topk_prob", norm_topk_prob);
  b.fixed(moe.router_pre_softmax, !norm_topk_prob);
  if (b.from_megatron()) norm_topk_prob = !moe.router_pre_softmax;
  bind_sparse_layers(b, decoder_sparse_step, mlp_only_layers, num_hidden_layers);
}

Mapping QwenNextModel::mapping(const QwenNextConfig& config, const TransformerConfig& megatron) {
  const std::vector<std::int64_t>& linear = megatron.linear_attention->layer_freq;
  MoeNames moe;
  moe.shared_fc1 = "mlp.shared_expert.{gate,up}_proj.weight";
  moe.shared_fc2 = "mlp.shared_expert.down_proj.weight";
  Mapping map;
  add_ends(map, megatron, {});
  add_attention(map, megatron, {}, layers_with(linear, 0));
  add_gated_delta_net(map, megatron, {}, "linear_attn", config.projections, layers_with(linear, 1));
  if (megatron.moe) {
    add_mlps(map, megatron, {}, moe);
  } else {
    add_dense_mlp(map, megatron, {});
  }
  add_mtp(map, megatron, {}, separate_mtp_names());
  return map;
}

nlohmann::json QwenNextModel::completed_config(const ConfigReader& config, const TensorSource& tensors) {
  return with_separate_blocks(config, tensors, "mtp_num_hidden_layers");
}

Qwen3_5TextConfig::Qwen3_5TextConfig() {
  vocab_size = 248320;
  hidden_size = 4096;
  intermediate_size = 12288;
  num_hidden_layers = 32;
  num_key_value_heads = 4;
}

Qwen3_5MoeTextConfig::Qwen3_5MoeTextConfig() {
  vocab_size = 248320;
  num_hidden_layers = 40;
  num_experts = 256;
  num_experts_per_tok = 8;
}

ProviderNames Qwen3_5ForConditionalGeneration::provider() {
  return {.fields = qwen_vl::token_fields(),
          .vision_config = "transformers.models.qwen3_5.configuration_qwen3_5.Qwen3_5VisionConfig",
          .sections = {11, 11, 10},
          .interleaved = true};
}

Mapping Qwen3_5ForConditionalGeneration::parts(const Config&, const ConfigReader& json) {
  return qwen_vl::qwen3_parts(json, 0);
}

ProviderNames Qwen3_5MoeForConditionalGeneration::provider() {
  return {.fields = qwen_vl::token_fields(),
          .vision_config = "transformers.models.qwen3_5_moe.configuration_qwen3_5_moe.Qwen3_5MoeVisionConfig",
          .sections = {11, 11, 10},
          .interleaved = true};
}

Mapping Qwen3_5MoeForConditionalGeneration::parts(const Config&, const ConfigReader& json) {
  return qwen_vl::qwen3_parts(json, 0);
}

VisionParts Qwen3_5ForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  return qwen_vl::qwen3_visual_parts(json, {11, 11, 10});
}

VisionParts Qwen3_5MoeForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  return qwen_vl::qwen3_visual_parts(json, {11, 11, 10});
}

}  // namespace mhub::qwen_next

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "qwen_next";
  registrar.about = "Qwen3-Next, Qwen3.5 (of the models with images, the text)";
  registrar.add<mhub::qwen_next::Qwen3NextForCausalLM>();
  registrar.add<mhub::qwen_next::Qwen3_5ForCausalLM>();
  registrar.add<mhub::qwen_next::Qwen3_5MoeForCausalLM>();
  registrar.add<mhub::qwen_next::Qwen3_5ForConditionalGeneration>();
  registrar.add<mhub::qwen_next::Qwen3_5MoeForConditionalGeneration>();
}
