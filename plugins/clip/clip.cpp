// SPDX-License-Identifier: Apache-2.0
#include "clip.hpp"

#include "siglip.hpp"

namespace mhub::clip {
namespace {

/// CLIPViTModel (clip_vit_model.py). Its class token has the shape of a batch of sequences.
Mapping vision_tower(const TransformerConfig& m) {
  const std::string tower = "vision_model.";
  const std::int64_t h = m.hidden_size;
  Mapping map = patches_and_layers(m);
  Operand token{tower + "embeddings.class_embedding", {h}, {run_box(0, 0, h)}, {}};
  map.rule("class_token", custom("replicated", {std::move(token)}, {1, 1, h}, {}));
  add_norm(map, m, "ln_pre.", tower + "pre_layrnorm");
  for (const char* name : {"weight", "bias"}) map.carried(tower + "post_layernorm." + name, {h});
  return map;
}

/// The first models' configs state a tower twice, and transformers takes the second (configuration_clip.py).
std::string stated(const ConfigReader& json, const std::string& key) {
  return json.has(key + "_dict") ? key + "_dict" : key;
}

}  // namespace

void CLIPEncoderConfig::bind(ConfigBinding& b) {
  EncoderConfig::bind(b);
  b.positive("projection_dim", projection_dim);
  b.number("initializer_range", initializer_range, b.megatron.training.init_method_std);
}

void CLIPVisionConfig::bind(ConfigBinding& b) {
  CLIPEncoderConfig::bind(b);
  PatchesConfig::bind(b, "clip");
}

CLIPTextConfig::CLIPTextConfig() {
  hidden_size = 512;
  intermediate_size = 2048;
  num_attention_heads = 8;
}

void CLIPTextConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  CLIPEncoderConfig::bind(b);
  b.positive("vocab_size", vocab_size, m.vocab_size);
  b.positive("max_position_embeddings", max_position_embeddings, m.max_position_embeddings);
  b.fixed(m.share_embeddings_and_output_weights, true);
}

void CLIPConfig::bind(ConfigBinding& b) {
  bind_part(b, stated(b.reader(), "text_config"), text);
  bind_part(b, stated(b.reader(), "vision_config"), vision);
  b.positive("projection_dim", projection_dim);
  if (b.to_megatron()) b.megatron = config_to_megatron(vision);
  if (b.from_megatron()) vision = config_from_megatron<CLIPVisionConfig>(b.megatron);
}

Mapping CLIPVisionModel::mapping(const CLIPVisionConfig&, const TransformerConfig& megatron) {
  return vision_tower(megatron).base_model_prefix("vision_model.");
}

Mapping CLIPVisionModelWithProjection::mapping(const CLIPVisionConfig& config,
                                               const TransformerConfig& megatron) {
  Mapping map = vision_tower(megatron);
  map.carried("visual_projection.weight", {config.projection_dim, config.hidden_size});
  return map;
}

Mapping CLIPTextModel::mapping(const CLIPTextConfig&, const TransformerConfig& megatron) {
  Mapping map = decoder_mapping(megatron, encoder_names("text_model."));
  map.ignore("*embeddings.position_ids", "0, 1, 2 ..., a buffer that transformers 4.30 and older saved");
  return map;
}

Mapping CLIPModel::mapping(const CLIPConfig& config, const TransformerConfig& megatron) {
  Mapping map = vision_tower(megatron);
  DecoderNames names = encoder_names("text_model.");
  names.base_prefix.clear();
  map.include(decoder_mapping(config_to_megatron(config.text), names).carry_all(), {"", "", "t"});
  map.carried("text_projection.weight", {config.projection_dim, config.text.hidden_size});
  map.carried("visual_projection.weight", {config.projection_dim, config.vision.hidden_size});
  map.carried("logit_scale", {});
  return map;
}

DualEncoderParts CLIPModel::dual_encoder(const CLIPConfig& config, const ConfigReader& json) {
  DualEncoderParts parts;
  parts.text_config = config_to_json(config.text);
  parts.text_config["model_type"] = CLIPTextModel::model_type;
  parts.image_norm = "vision_model.post_layernorm.";
  parts.image_projection = "visual_projection.weight";
  parts.text_projection = "text_projection.weight";
  parts.logit_scale = "logit_scale";
  parts.projection_dim = config.projection_dim;
  parts.image_processor_type = "CLIPImageProcessor";
  // Configs of 2022 say 2, which is not the token that ends texts (modeling_clip.py, CLIPTextTransformer).
  const std::int64_t end = json.object(stated(json, "text_config")).integer("eos_token_id", 49407);
  if (end != 2) parts.end_token = end;
  return parts;
}

}  // namespace mhub::clip

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "clip";
  registrar.about = "CLIP's towers of images and of texts, SigLIP's of images";
  registrar.add<mhub::clip::CLIPVisionModel>();
  registrar.add<mhub::clip::CLIPVisionModelWithProjection>();
  registrar.add<mhub::clip::CLIPTextModel>();
  registrar.add<mhub::clip::CLIPModel>();
  registrar.add<mhub::clip::SiglipVisionModel>();
}
