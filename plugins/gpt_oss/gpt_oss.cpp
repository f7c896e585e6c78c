// SPDX-License-Identifier: Apache-2.0
#include "gpt_oss.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::gpt_oss {

GptOssConfig::GptOssConfig() {
  vocab_size = 201088;
  hidden_size = intermediate_size = 2880;
  num_hidden_layers = 36;
  num_attention_heads = head_dim = 64;
  num_key_value_heads = 8;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  rotary.theta = 150000.0;
}

void GptOssConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  TransformerConfig& m = b.megatron;
  MoeConfig& moe = moe_config(b);
  // The class's default is a YaRN scaling; published configs state theirs, and a model without one says so.
  if (b.reading())
    b.check(b.reader().has("rope_parameters") || b.reader().has("rope_scaling"), "rope_scaling", "missing");
  if (b.writing() && rotary.scaling.type == RopeKind::none)
    b.constant("rope_scaling", {{"rope_type", "default"}});
  b.also_called("num_local_experts", "num_experts");
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.number("router_aux_loss_coef", router_aux_loss_coef, m.training.moe_aux_loss_coeff);
  b.link(intermediate_size, moe.ffn_hidden_size);
  if (b.reading()) {
    for (std::int64_t i = 0; i < num_hidden_layers; ++i) window.layers.push_back(i % 2 == 0 ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
  b.require("attention_bias", true);
  // modeling_gpt_oss.py has the clamp, 1.702 and the + 1 as constants, whatever hidden_act says.
  b.require("hidden_act", "silu");
  b.require("swiglu_limit", 7.0);
  b.fixed(m.activation, ActivationFunction::quick_gelu);
  b.fixed(m.activation_clamp, swiglu_limit);
  b.fixed(m.glu_linear_offset, 1.0);
  b.fixed(m.add_bias_linear, true);
  b.fixed(m.add_qkv_bias, true);
  b.fixed(m.softmax_type, SoftmaxType::learnable);
  b.fixed(moe.router_pre_softmax, false);  // softmax over the chosen experts' logits
}

Mapping GptOssForCausalLM::mapping(const GptOssConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.router = "mlp.router.weight";
  moe.router_bias = "mlp.router.bias";
  moe.storage = ExpertStorage::stacked_transposed;
  moe.interleaved = true;
  moe.fc1 = "mlp.experts.gate_up_proj";
  moe.fc1_bias = "mlp.experts.gate_up_proj_bias";
  moe.fc2 = "mlp.experts.down_proj";
  moe.fc2_bias = "mlp.experts.down_proj_bias";
  return moe_decoder_mapping(megatron, {}, moe);
}

}  // namespace mhub::gpt_oss

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "gpt_oss";
  registrar.about = "gpt-oss 20b, 120b";
  registrar.add<mhub::gpt_oss::GptOssForCausalLM>();
}
