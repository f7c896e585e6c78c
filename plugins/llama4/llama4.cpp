// SPDX-License-Identifier: Apache-2.0
#include "llama4.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::llama4 {

Llama4TextConfig::Llama4TextConfig() {
  vocab_size = 202048;
  hidden_size = 5120;
  intermediate_size = 8192;
  num_hidden_layers = 48;
  num_attention_heads = 40;
  num_key_value_heads = 8;
  head_dim = 128;
  max_position_embeddings = 131072;
  norm_eps = 1e-5;
  rotary.theta = 500000.0;
}

void Llama4TextConfig::bind_experts(ConfigBinding& b) {
  MoeConfig& moe = moe_config(b);
  b.link(intermediate_size, moe.ffn_hidden_size);
  b.link(intermediate_size, moe.shared_expert_intermediate_size);
  b.positive("intermediate_size_mlp", intermediate_size_mlp, b.megatron.ffn_hidden_size);
  b.positive("num_local_experts", num_local_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  // Megatron-Core weights inputs of one expert only, and divides more weights by their sum.
  b.check(num_experts_per_tok == 1, "num_experts_per_tok", "unsupported: other than 1");
  b.number("router_aux_loss_coef", router_aux_loss_coef, b.megatron.training.moe_aux_loss_coeff);
  b.positive("interleave_moe_layer_step", interleave_moe_layer_step);
  if (b.reading() && !b.reader().has("moe_layers")) {
    for (std::int64_t i = interleave_moe_layer_step - 1; i < num_hidden_layers;
         i += interleave_moe_layer_step)
      moe_layers.push_back(i);
  }
  b.integers("moe_layers", moe_layers);
  for (const std::int64_t layer : moe_layers)
    b.check(layer >= 0 && layer < num_hidden_layers, "moe_layers", "expected numbers of layers");
  if (b.to_megatron()) {
    moe.layer_freq.assign(static_cast<std::size_t>(num_hidden_layers), 0);
    for (const std::int64_t layer : moe_layers) moe.layer_freq[static_cast<std::size_t>(layer)] = 1;
    if (dense_layers(b.megatron).empty()) moe.layer_freq.clear();
  }
  if (b.from_megatron()) moe_layers = mhub::moe_layers(b.megatron);
  b.fixed(moe.router_score_function, RouterScore::sigmoid);
  b.fixed(moe.apply_probs_on_input, true);
}

void Llama4TextConfig::bind_attention(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_no_rope_layers(b, no_rope_layers, num_hidden_layers);
  std::vector<std::int64_t> chunked = no_rope_layers;
  b.per_layer("layer_types", {"full_attention", "chunked_attention"}, chunked);
  b.check(chunked == no_rope_layers, "layer_types", "unsupported: chunks other than in layers that rotate");
  b.optional("attention_chunk_size", attention_chunk_size, m.attention_chunk_size);
  b.check(attention_chunk_size.value_or(1) > 0, "attention_chunk_size", "expected null, or 1 or more");
  b.boolean("use_qk_norm", use_qk_norm, m.qk_l2_norm);
  b.fixed(m.qk_l2_norm_rotated_only, use_qk_norm);
  // transformers 4.51 had an integer there, which only counted as true or false.
  const std::string tuning = "attn_temperature_tuning";
  const bool integer =
      b.reading() && b.reader().has(tuning) && b.reader().json().at(tuning).is_number_integer();
  if (integer) attn_temperature_tuning = b.reader().integer(tuning) != 0;
  if (!integer) b.boolean(tuning, attn_temperature_tuning);
  b.positive("floor_scale", floor_scale);
  b.number("attn_scale", attn_scale);
  if (b.to_megatron() && attn_temperature_tuning) m.attention_temperature = {floor_scale, attn_scale};
  if (b.from_megatron()) attn_temperature_tuning = m.attention_temperature.has_value();
  if (b.from_megatron() && m.attention_temperature) {
    floor_scale = m.attention_temperature->floor_scale;
    attn_scale = m.attention_temperature->scale;
  }
}

void Llama4TextConfig::bind(ConfigBinding& b) {
  DecoderConfig::bind(b);
  b.fixed(b.megatron.rotary_interleaved, true);
  b.require("attention_bias", false);
  bind_experts(b);
  bind_attention(b);
}

Mapping Llama4ForCausalLM::mapping(const Llama4TextConfig&, const TransformerConfig& megatron) {
  DecoderNames names;
  names.fc1 = "feed_forward.{gate,up}_proj";
  names.fc2 = "feed_forward.down_proj";
  MoeNames moe;
  moe.router = "feed_forward.router.weight";
  moe.storage = ExpertStorage::stacked_transposed;
  moe.fc1 = "feed_forward.experts.gate_up_proj";
  moe.fc2 = "feed_forward.experts.down_proj";
  moe.shared_fc1 = "feed_forward.shared_expert.{gate,up}_proj.weight";
  moe.shared_fc2 = "feed_forward.shared_expert.down_proj.weight";
  return moe_decoder_mapping(megatron, names, moe);
}

}  // namespace mhub::llama4

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llama4";
  registrar.about = "Llama 4 (of the models with images, the text)";
  registrar.add<mhub::llama4::Llama4ForCausalLM>();
  registrar.add<mhub::llama4::Llama4ForConditionalGeneration>();
  registrar.add<mhub::llama4::Llama4VisionModel>();
}
