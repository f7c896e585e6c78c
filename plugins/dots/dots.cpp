// SPDX-License-Identifier: Apache-2.0
#include "dots.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::dots {

Dots1Config::Dots1Config() {
  vocab_size = 152064;
  hidden_size = 4608;
  intermediate_size = 10944;
  num_hidden_layers = 62;
  num_key_value_heads = 32;
}

void Dots1Config::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  MoeConfig& moe = moe_config(b);
  b.positive("n_routed_experts", n_routed_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  bind_leading_dense_layers(b, "first_k_dense_replace", first_k_dense_replace, num_hidden_layers);
  bind_shared_experts(b, "n_shared_experts", n_shared_experts);
  bind_expert_groups(b, n_group, topk_group);
  b.absent_means("norm_topk_prob", false);
  // transformers does not look at scoring_func: scores are always a sigmoid (modeling_dots1.py).
  bind_sigmoid_router(b, num_experts_per_tok, "");
  if (b.reading()) {
    const std::int64_t first = b.reader().integer("max_window_layers", 62);
    for (std::int64_t i = 0; i < num_hidden_layers; ++i) window.layers.push_back(i >= first ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
  b.require("attention_bias", false);
  b.fixed(b.megatron.qk_layernorm, true);
}

Mapping Dots1ForCausalLM::mapping(const Dots1Config&, const TransformerConfig& megatron) {
  return moe_decoder_mapping(megatron, {}, {});
}

}  // namespace mhub::dots

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "dots";
  registrar.about = "dots.llm1";
  registrar.add<mhub::dots::Dots1ForCausalLM>();
}
