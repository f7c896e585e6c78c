// SPDX-License-Identifier: Apache-2.0
#include "hunyuan.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::hunyuan {

namespace {

DecoderNames names_of_norms() {
  DecoderNames names;
  names.q_norm = "self_attn.query_layernorm";
  names.k_norm = "self_attn.key_layernorm";
  return names;
}

/// A number, or a list with one a layer, of which all must be equal.
void bind_uniform(ConfigBinding& b, const std::string& key, std::int64_t& value) {
  if (!b.reading() || !b.reader().has(key) || !b.reader().json().at(key).is_array())
    return b.positive(key, value);
  const std::vector<std::int64_t> list = b.reader().integers(key);
  b.check(!list.empty() && list[0] > 0 && std::count(list.begin(), list.end(), list[0]) == std::ssize(list),
          key, "unsupported: layers that differ");
  value = list.at(0);
}

}  // namespace

HunYuanConfig::HunYuanConfig() {
  vocab_size = 290943;
  norm_eps = 1e-5;
}

void HunYuanConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  bind_alpha(b);
  b.require("attention_bias", false);
  b.require("use_qk_norm", true);
  b.require("use_cla", false);  // keys and values that layers share
  b.fixed(b.megatron.qk_layernorm, true);
  b.fixed(b.megatron.qk_layernorm_rotated, true);
}

void HunYuanConfig::bind_alpha(ConfigBinding& b) {
  // modeling_hunyuan_v1_dense.py, HunYuanDenseV1RotaryEmbedding: "dynamic" with an alpha is another base,
  // once and for all lengths.
  const ConfigReader scaling =
      b.reader().object(b.reader().has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  if (rotary.scaling.type != RopeKind::dynamic || !b.reading() || scaling.number("alpha", 0.0) == 0.0) return;
  b.check(head_dim > 2, "head_dim", "expected more than 2 with an alpha");
  const auto dim = static_cast<double>(head_dim);
  rotary.theta *= std::pow(scaling.number("alpha"), dim / (dim - 2));
  rotary.scaling = {};
}

Mapping HunYuanDenseV1ForCausalLM::mapping(const HunYuanDenseV1Config&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, names_of_norms());
}

void HunYuanMoEV1Config::bind(ConfigBinding& b) {
  HunYuanConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  bind_uniform(b, "num_experts", num_experts);
  bind_uniform(b, "moe_topk", moe_topk);
  b.link(num_experts, moe.num_experts);
  b.link(moe_topk, moe.router_topk);
  // transformers takes the size of an expert, and of the shared one, from intermediate_size.
  std::int64_t shared = 1, width = intermediate_size;
  bind_uniform(b, "num_shared_expert", shared);
  b.check(shared == 1, "num_shared_expert", "unsupported: other than 1");
  bind_uniform(b, "moe_intermediate_size", width);
  b.check(width == intermediate_size, "moe_intermediate_size", "unsupported: other than intermediate_size");
  b.link(intermediate_size, moe.ffn_hidden_size);
  b.link(intermediate_size, moe.shared_expert_intermediate_size);
  b.require("moe_layer_num_skipped", 0);
  b.require("use_mixed_mlp_moe", true);  // the shared expert
  b.fixed(moe.router_pre_softmax, false);
  b.fixed(moe.router_fp32, true);
}

Mapping HunYuanMoEV1ForCausalLM::mapping(const HunYuanMoEV1Config&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "mlp.gate.wg.weight";
  moe.shared_fc1 = "mlp.shared_mlp.{gate,up}_proj.weight";
  moe.shared_fc2 = "mlp.shared_mlp.down_proj.weight";
  return moe_decoder_mapping(megatron, names_of_norms(), moe);
}

HYV3Config::HYV3Config() {
  vocab_size = 120832;
  intermediate_size = 13312;
  num_hidden_layers = 80;
  num_attention_heads = 64;
  num_key_value_heads = 8;
  head_dim = 128;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  initializer_range = 0.006;
  rotary.theta = 11158840.0;
}

void HYV3Config::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  TransformerConfig& m = b.megatron;
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("router_scaling_factor", router_scaling_factor, moe.router_topk_scaling_factor);
  bind_mlp_layer_types(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "num_shared_experts", num_shared_experts);
  bind_sigmoid_router(b, num_experts_per_tok, "");
  for (const char* key : {"qk_norm", "route_norm", "moe_router_use_sigmoid", "moe_router_enable_expert_bias"})
    b.require(key, true);
  b.require("attention_bias", false);
  b.require("mlp_bias", false);
  b.fixed(m.qk_layernorm, true);
  bind_prediction_blocks(b, num_nextn_predict_layers);
}

Mapping HYV3ForCausalLM::mapping(const HYV3Config&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "mlp.router.gate.weight";
  moe.correction_bias = "mlp.expert_bias";
  moe.shared_fc1 = "mlp.shared_mlp.{gate,up}_proj.weight";
  moe.shared_fc2 = "mlp.shared_mlp.down_proj.weight";
  Mapping map = moe_decoder_mapping(megatron, {}, moe);
  add_mtp(map, megatron, {}, mtp_names(megatron, {}));
  return map;
}

}  // namespace mhub::hunyuan

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "hunyuan";
  registrar.about = "Hunyuan (dense), Hunyuan-A13B, Hunyuan 3";
  registrar.add<mhub::hunyuan::HunYuanDenseV1ForCausalLM>();
  registrar.add<mhub::hunyuan::HunYuanMoEV1ForCausalLM>();
  registrar.add<mhub::hunyuan::HYV3ForCausalLM>();
}
