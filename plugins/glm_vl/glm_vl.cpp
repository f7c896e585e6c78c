// SPDX-License-Identifier: Apache-2.0
#include "glm_vl.hpp"

#include "mhub/rules/moe_rules.hpp"

namespace mhub::glm_vl {
namespace {

/// transformers' Glm4vTextConfig, where it differs from Glm4Config. Glm4vTextAttention always has biases, and
/// heads that share hidden_size out (modeling_glm4v.py).
nlohmann::json dense_decoder(const nlohmann::json& whole) {
  nlohmann::json text = plain_text_config(
      whole, Glm4Text::model_type,
      {{"max_position_embeddings", 32768}, {"rms_norm_eps", 1e-5}, {"partial_rotary_factor", 1.0}});
  text["attention_bias"] = true;
  const ConfigReader config(text, "config.json: text_config");
  if (!config.has("head_dim"))
    text["head_dim"] = config.positive("hidden_size", 4096) / config.positive("num_attention_heads", 32);
  return text;
}

/// transformers' Glm4vMoeTextConfig, where it differs from Glm4MoeConfig.
nlohmann::json moe_decoder(const nlohmann::json& whole) {
  return plain_text_config(
      whole, Glm4MoeText::model_type,
      {{"vocab_size", 151424}, {"max_position_embeddings", 65536}, {"attention_bias", true}});
}

}  // namespace

nlohmann::json Glm4vForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return dense_decoder(whole);
}

nlohmann::json Glm4vMoeForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return moe_decoder(whole);
}

nlohmann::json Glm46VForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  const std::string kind =
      ConfigReader(text_config_of(whole, "glm4v_text"), "config.json: text_config").string("model_type");
  return kind == "glm4v_moe_text" ? moe_decoder(whole) : dense_decoder(whole);
}

Mapping Glm46VForConditionalGeneration::mapping(const Config& config, const TransformerConfig&) {
  return with_stacked_experts(multimodal_text_mapping(config, names()));
}

}  // namespace mhub::glm_vl

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "glm_vl";
  registrar.about = "GLM-4.1V, 4.5V, 4.6V and their tower";
  registrar.add<mhub::glm_vl::Glm4vForConditionalGeneration>();
  registrar.add<mhub::glm_vl::Glm4vMoeForConditionalGeneration>();
  registrar.add<mhub::glm_vl::Glm46VForConditionalGeneration>();
  registrar.add<mhub::glm_vl::Glm4vVisionModel>();
}
