// SPDX-License-Identifier: Apache-2.0
#include "clip.hpp"

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::clip {
namespace {

/// Names of a tower's layers; `tower` is "vision_model." or "text_model.".
DecoderNames encoder_names(const std::string& tower) {
  DecoderNames names;
  names.base_prefix = tower;
  names.embedding = tower + "embeddings.token_embedding";
  names.position_embedding = tower + "embeddings.position_embedding";
  names.layer = tower + "encoder.layers.{i}.";
  names.final_norm = tower + "final_layer_norm";
  names.input_norm = "layer_norm1";
  names.pre_mlp_norm = "layer_norm2";
  names.proj = "self_attn.out_proj";
  names.fc1 = "mlp.fc1";
  names.fc2 = "mlp.fc2";
  return names;
}

/// CLIPViTModel (clip_vit_model.py). Its class token has the shape of a batch of sequences.
Mapping vision_tower(const TransformerConfig& m) {
  const std::string tower = "vision_model.", embeddings = tower + "embeddings.";
  const std::int64_t h = m.hidden_size, patch = m.image->patch_size;
  const DecoderNames names = encoder_names(tower);
  Mapping map;
  map.index("i", m.num_layers);
  Operand token{embeddings + "class_embedding", {h}, {run_box(0, 0, h)}, {}};
  map.rule("class_token", custom("replicated", {std::move(token)}, {1, 1, h}, {}));
  map.rule("conv1.weight",
           replicated(embeddings + "patch_embedding.weight", {h, m.image->num_channels, patch, patch}));
  map.rule("position_embeddings.weight",
           replicated(names.position_embedding + ".weight", {m.max_position_embeddings, h}));
  add_norm(map, m, "ln_pre.", tower + "pre_layrnorm");
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  for (const char* name : {"weight", "bias"}) map.carried(tower + "post_layernorm." + name, {h});
  map.ignore("*embeddings.position_ids", "0, 1, 2 ..., a buffer that transformers 4.30 and older saved");
  return map;
}

/// The first models' configs state a tower twice, and transformers takes the second (configuration_clip.py).
std::string stated(const ConfigReader& json, const std::string& key) {
  return json.has(key + "_dict") ? key + "_dict" : key;
}

}  // namespace

void CLIPEncoderConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  b.positive("hidden_size", hidden_size, m.hidden_size);
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("num_hidden_layers", num_hidden_layers, m.num_layers);
  b.check(num_hidden_layers <= 65536, "num_hidden_layers", "expected 65536 at most");
  b.positive("num_attention_heads", num_attention_heads, m.num_attention_heads);
  b.divides("num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
  b.fixed(m.num_query_groups, num_attention_heads);
  b.fixed(m.kv_channels, hidden_size / num_attention_heads);
  b.positive("projection_dim", projection_dim);
  b.text("hidden_act", hidden_act, m.activation);
  b.number("layer_norm_eps", layer_norm_eps, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.number("initializer_range", initializer_range, m.training.init_method_std);
  b.fixed(m.position_embedding_type, PositionEmbedding::learned_absolute);
  fix_layer_norm_and_plain_mlp(b, true);
}

void CLIPVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  if (!m.image) m.image.emplace();
  CLIPEncoderConfig::bind(b);
  b.positive("num_channels", num_channels, m.image->num_channels);
  b.check(num_channels == 3, "num_channels", "unsupported: CLIPViTModel has 3");
  b.positive("image_size", image_size, m.image->image_size);
  b.positive("patch_size", patch_size, m.image->patch_size);
  b.divides("patch_size", patch_size, "image_size", image_size);
  b.check(image_size <= 16384, "image_size", "expected 16384 at most");
  b.fixed(m.image->vision_model_type, "clip");
  const std::int64_t side = image_size / patch_size;
  b.fixed(m.max_position_embeddings, side * side + 1);
  b.fixed(m.bridge_provider, "");  // Megatron-Bridge has none
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
  // Configs of 2022 say 2, which is not the token that ends texts (modeling_clip.py, CLIPTextTransformer).
  const std::int64_t end = json.object(stated(json, "text_config")).integer("eos_token_id", 49407);
  if (end != 2) parts.end_token = end;
  return parts;
}

}  // namespace mhub::clip

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "clip";
  registrar.about = "CLIP's towers of images and of texts";
  registrar.add<mhub::clip::CLIPVisionModel>();
  registrar.add<mhub::clip::CLIPVisionModelWithProjection>();
  registrar.add<mhub::clip::CLIPTextModel>();
  registrar.add<mhub::clip::CLIPModel>();
}
