// SPDX-License-Identifier: Apache-2.0
#include "granite.hpp"

#include <cmath>

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::granite {

void GraniteMultipliers::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderKeys keys;
  keys.head_dim.clear();
  DecoderConfig::bind(b, keys);
  b.number("embedding_multiplier", embedding_multiplier, m.embedding_multiplier);
  b.number("residual_multiplier", residual_multiplier, m.residual_multiplier);
  b.number("attention_multiplier", attention_multiplier);
  b.fixed(m.softmax_scale, attention_multiplier);
  if (b.from_megatron())
    attention_multiplier = m.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(head_dim)));
  b.number("logits_scaling", logits_scaling);
  b.check(logits_scaling != 0.0, "logits_scaling", "expected a number other than 0");
  b.fixed(m.logits_multiplier, 1.0 / logits_scaling);
  if (b.from_megatron()) logits_scaling = 1.0 / m.logits_multiplier;
}

void GraniteConfig::bind(ConfigBinding& b) {
  GraniteMultipliers::bind(b);
  b.boolean("attention_bias", attention_bias, b.megatron.add_qkv_bias);
  b.boolean("mlp_bias", mlp_bias, b.megatron.add_bias_linear);
  b.check(attention_bias == mlp_bias, "attention_bias",
          "unsupported without the same mlp_bias: Megatron cannot hold biases in one of them only");
}

Mapping GraniteForCausalLM::mapping(const GraniteConfig&, const TransformerConfig& megatron) {
  return decoder_mapping(megatron, {});
}

void GraniteMoeConfig::bind(ConfigBinding& b) {
  GraniteMultipliers::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.link(intermediate_size, moe.ffn_hidden_size);
  b.fixed(moe.router_pre_softmax, false);  // modeling_jetmoe.py, JetMoeTopKGating
  b.require("attention_bias", false);
}

Mapping GraniteMoeForCausalLM::mapping(const GraniteMoeConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "block_sparse_moe.router.layer.weight";
  moe.storage = ExpertStorage::stacked;
  moe.fc1 = "block_sparse_moe.input_linear.weight";
  moe.fc2 = "block_sparse_moe.output_linear.weight";
  moe.shared_fc1 = "shared_mlp.input_linear.weight";
  moe.shared_fc2 = "shared_mlp.output_linear.weight";
  return moe_decoder_mapping(megatron, {}, moe);
}

void GraniteMoeSharedConfig::bind(ConfigBinding& b) {
  GraniteMoeConfig::bind(b);
  b.integer("shared_intermediate_size", shared_intermediate_size);
  b.check(shared_intermediate_size >= 0, "shared_intermediate_size", "expected 0 or more");
  b.link(shared_intermediate_size, moe_config(b).shared_expert_intermediate_size);
}

Mapping GraniteMoeSharedForCausalLM::mapping(const GraniteMoeSharedConfig& config,
                                             const TransformerConfig& megatron) {
  return GraniteMoeForCausalLM::mapping(config, megatron);
}

}  // namespace mhub::granite

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "granite";
  registrar.about = "Granite 3, with experts too";
  registrar.add<mhub::granite::GraniteForCausalLM>();
  registrar.add<mhub::granite::GraniteMoeForCausalLM>();
  registrar.add<mhub::granite::GraniteMoeSharedForCausalLM>();
}
