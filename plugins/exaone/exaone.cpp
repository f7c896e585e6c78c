// SPDX-License-Identifier: Apache-2.0
#include "exaone.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"

namespace mhub::exaone {
namespace {

constexpr const char* kBlocks = "num_nextn_predict_layers";

/// One at most: mtp_share_layers of more than one repeats a block.
void bind_one_block(ConfigBinding& b, std::int64_t& blocks) {
  bind_prediction_blocks(b, blocks);
  b.check(blocks <= 1, kBlocks, "expected 0 or 1");
}

}  // namespace

ExaoneConfig::ExaoneConfig() {
  vocab_size = 102400;
  intermediate_size = 16384;
  num_key_value_heads = 32;
  norm_eps = 1e-5;
}

void ExaoneConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  DecoderConfig::bind(b);
  if (b.reading() && !b.reader().has("layer_types")) {
    const std::int64_t every = b.reader().positive("sliding_window_pattern", 4);
    for (std::int64_t i = 1; i <= num_hidden_layers; ++i) window.layers.push_back(i % every != 0 ? 1 : 0);
  }
  window.bind(b, num_hidden_layers);
  // transformers cannot make layer_types of its default pattern where there is no window.
  if (b.from_megatron() && !window.sliding_window)
    window.layers.assign(static_cast<std::size_t>(num_hidden_layers), 0);
  if (b.to_megatron() && window.sliding_window) {
    for (const std::int64_t sliding : window.layers) m.no_rope_layers.push_back(1 - sliding);
  }
  b.fixed(m.qk_layernorm, true);
}

void Exaone4Config::bind(ConfigBinding& b) {
  ExaoneConfig::bind(b);
  b.fixed(b.megatron.pre_norms, false);
  b.fixed(b.megatron.post_norms, true);
  bind_one_block(b, num_nextn_predict_layers);
}

Mapping Exaone4ForCausalLM::mapping(const Exaone4Config&, const TransformerConfig& megatron) {
  Mapping map = decoder_mapping(megatron, {});
  add_mtp(map, megatron, {}, separate_mtp_names());
  return map;
}

nlohmann::json Exaone4ForCausalLM::completed_config(const ConfigReader& config, const TensorSource& tensors) {
  return with_separate_blocks(config, tensors, kBlocks);
}

/// configuration_exaone4_5.py: the first release calls the decoder's config by a name of its own.
nlohmann::json Exaone4_5_ForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  const std::string own = Exaone4ForCausalLM::model_type;
  const std::string type = ConfigReader(whole, "config.json").object("text_config").string("model_type", own);
  return plain_text_config(whole, type == "exaone4_5_text" ? own : type, {{"tie_word_embeddings", false}});
}

void ExaoneMoeConfig::bind(ConfigBinding& b) {
  constexpr const char *kDense = "first_k_dense_replace", *kExperts = "is_moe_layer";
  ExaoneConfig::bind(b);
  // configuration_exaone_moe.py takes nothing else.
  b.check(window.sliding_window.has_value(), "sliding_window", "expected a number of tokens");
  MoeConfig& moe = moe_config(b);
  b.positive("num_experts", num_experts, moe.num_experts);
  b.positive("num_experts_per_tok", num_experts_per_tok, moe.router_topk);
  b.positive("moe_intermediate_size", moe_intermediate_size, moe.ffn_hidden_size);
  b.number("routed_scaling_factor", routed_scaling_factor, moe.router_topk_scaling_factor);
  b.also_called(kDense, "first_last_k_dense_replace");  // as K-EXAONE was published first
  bind_mlp_layer_types(b, kDense, first_k_dense_replace, num_hidden_layers);
  bind_leading_dense_layers(b, kDense, first_k_dense_replace, num_hidden_layers);
  if (b.reading() && b.reader().has(kExperts)) {  // which Megatron-Bridge takes first (exaone_moe_bridge.py)
    nlohmann::json layers = nlohmann::json::array();
    for (std::int64_t i = 0; i < num_hidden_layers; ++i) layers.push_back(i >= first_k_dense_replace);
    b.check(b.reader().json().at(kExperts) == layers, kExperts, std::string("contradicts ") + kDense);
  }
  bind_shared_experts(b, "num_shared_experts", num_shared_experts);
  bind_expert_groups(b, n_group, topk_group);
  bind_sigmoid_router(b, num_experts_per_tok);
  b.require("topk_method", "noaux_tc");
  bind_one_block(b, num_nextn_predict_layers);
  b.fixed(b.megatron.mtp_dense, num_nextn_predict_layers > 0);
}

void ExaoneMoeForCausalLM::bridge_fields(FieldBinding& f, TransformerConfig& m) {
  if (f.reading()) m.mtp_dense = m.mtp_num_layers > 0;
  // The provider has none by default, and divides it (multi_token_prediction.py); its bridge gives it this.
  if (m.mtp_num_layers > 0) f.constant("mtp_loss_scaling_factor", 0.1);
}

Mapping ExaoneMoeForCausalLM::mapping(const ExaoneMoeConfig&, const TransformerConfig& megatron) {
  MoeNames moe;
  moe.correction_bias = "mlp.e_score_correction_bias";
  Mapping map = moe_decoder_mapping(megatron, {}, moe);
  add_mtp(map, megatron, {}, separate_mtp_names());
  map.also_spelled(".mlp.e_score_correction_bias",
                   ".mlp.gate.e_score_correction_bias");  // transformers' module
  return map;
}

nlohmann::json ExaoneMoeForCausalLM::completed_config(const ConfigReader& config,
                                                      const TensorSource& tensors) {
  return with_separate_blocks(config, tensors, kBlocks);
}

}  // namespace mhub::exaone

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "exaone";
  registrar.about = "EXAONE 4, EXAONE 4.5, K-EXAONE";
  registrar.add<mhub::exaone::Exaone4ForCausalLM>();
  registrar.add<mhub::exaone::Exaone4_5_ForConditionalGeneration>();
  registrar.add<mhub::exaone::ExaoneMoeForCausalLM>();
  // As K-EXAONE's own config.json calls it.
  registrar.add_alias<mhub::exaone::ExaoneMoeForCausalLM>("ExaoneMoEForCausalLM", "ExaoneMoEConfig",
                                                          "exaone_moe");
}
