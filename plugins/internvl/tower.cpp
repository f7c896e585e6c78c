// SPDX-License-Identifier: Apache-2.0
#include "tower.hpp"

#include "mhub/config/decoder_config.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::internvl {
namespace {

/// A size that may be written for both sides.
std::int64_t square(const ConfigReader& config, const std::string& key, std::int64_t usual) {
  if (!config.has(key) || !config.json().at(key).is_array()) return config.positive(key, usual);
  const std::vector<std::int64_t> sides = config.integers(key);
  if (sides.size() != 2 || sides[0] != sides[1] || sides[0] < 1)
    config.fail(key, "unsupported: other than a square");
  return sides[0];
}

}  // namespace

void InternVLVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {"hidden_size", hidden_size}, {"num_hidden_layers", num_hidden_layers},
                     {"num_attention_heads", num_attention_heads});
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.text("hidden_act", hidden_act, m.activation);
  b.number("layer_norm_eps", layer_norm_eps, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  // All but q, k and v always have biases: the MLP's are rules of this class.
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.fixed(m.attention_proj_bias, true);
  b.text("norm_type", norm_type);
  b.check(norm_type == "layer_norm" || norm_type == "rms_norm", "norm_type",
          "expected \"layer_norm\" or \"rms_norm\", found \"" + norm_type + "\"");
  b.fixed(m.normalization, norm_type == "rms_norm" ? Normalization::rms : Normalization::layer);
  // InternVLVisionRMSNorm of q and of k, over all heads (InternViT-6B).
  b.boolean("use_qk_norm", use_qk_norm, m.qk_layernorm);
  b.fixed(m.qk_layernorm_over_heads, use_qk_norm);
  b.check(!use_qk_norm || (norm_type == "rms_norm" && layer_norm_eps == 1e-6), "use_qk_norm",
          "unsupported without norm_type \"rms_norm\" and layer_norm_eps 1e-6, which these norms have");
  b.require("use_absolute_position_embeddings", true);
  b.boolean("use_mask_token", use_mask_token);
  b.boolean("use_mean_pooling", use_mean_pooling);
  b.check(use_mean_pooling || norm_type == "layer_norm", "use_mean_pooling",
          "unsupported: false, with norm_type \"rms_norm\"");
  b.positive("num_channels", num_channels);
  b.check(num_channels == 3, "num_channels", "unsupported: other than 3");
  if (!m.image) m.image.emplace();
  b.positive("image_size", image_size, m.image->image_size);
  b.positive("patch_size", patch_size, m.image->patch_size);
  b.divides("patch_size", patch_size, "image_size", image_size);
  b.check(image_size <= 16384, "image_size", "expected 16384 at most");
  b.fixed(m.image->vision_model_type, "internvl");
  b.fixed(m.position_embedding_type, PositionEmbedding::learned_absolute);
  const std::int64_t side = image_size / patch_size;
  b.fixed(m.max_position_embeddings, side * side + 1);
  b.fixed(m.gated_linear_unit, false);
  b.fixed(m.add_bias_linear, false);
  b.fixed(m.bridge_provider, "");
}

Mapping InternVLVisionModel::mapping(const Config& config, const TransformerConfig& m) {
  const std::string embeddings = "embeddings.", layer = "encoder.layer.{i}.";
  DecoderNames names;
  names.base_prefix.clear();
  names.layer = layer;
  names.input_norm = "layernorm_before";
  names.qkv = "attention.{q,k,v}_proj";
  names.proj = "attention.projection_layer";
  names.q_norm = "attention.q_norm";
  names.k_norm = "attention.k_norm";
  names.pre_mlp_norm = "layernorm_after";
  names.fc1 = "mlp.fc1";
  names.fc2 = "mlp.fc2";
  const std::int64_t h = m.hidden_size, patch = config.patch_size, rows = m.max_position_embeddings;
  Mapping map;
  map.index("i", m.num_layers);
  map.rule("conv1.weight",
           replicated(embeddings + "patch_embeddings.projection.weight", {h, 3, patch, patch}));
  map.rule("conv1.bias", replicated(embeddings + "patch_embeddings.projection.bias", {h}));
  map.rule("class_token", replicated(embeddings + "cls_token", {1, 1, h}));
  Operand positions{embeddings + "position_embeddings", {1, rows, h}, {run_box(0, 0, rows * h)}, {}};
  map.rule("position_embeddings.weight", custom("replicated", {std::move(positions)}, {rows, h}, {}));
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  const std::string layers = "decoder.layers.{i}.";
  map.rule(layers + "mlp.linear_fc1.bias", column(layer + "mlp.fc1.bias", {m.ffn_hidden_size}));
  map.rule(layers + "mlp.linear_fc2.bias", replicated(layer + "mlp.fc2.bias", {h}));
  map.rule(layers + "self_attention.linear_proj.layer_scale", replicated(layer + "lambda_1", {h}));
  map.rule(layers + "mlp.linear_fc2.layer_scale", replicated(layer + "lambda_2", {h}));
  if (!config.use_mean_pooling) add_norm(map, m, "ln_post.", "layernorm");
  if (config.use_mask_token) map.carried(embeddings + "mask_token", {1, 1, h});
  return map;
}

TowerParts InternVLVisionModel::tower(const Config& config) {
  TowerParts parts;
  parts.patch_size = config.patch_size;
  parts.image_size = config.image_size;
  parts.class_token = TowerParts::ClassToken::first;
  parts.positions = TowerParts::Positions::learned;
  parts.post_norm = !config.use_mean_pooling;
  return parts;
}

VisionParts internvl_vision(const ConfigReader& json, std::int64_t width) {
  const std::string projector = "multi_modal_projector.";
  const ConfigReader tower = json.object("vision_config");
  VisionParts parts;
  parts.tower_config = tower.json();
  parts.tower_config.erase("architectures");
  parts.tower_config["model_type"] = InternVLVisionModel::model_type;
  parts.tower_config["image_size"] = square(tower, "image_size", 448);
  parts.tower_config["patch_size"] = square(tower, "patch_size", 14);
  parts.tower_names = "vision_tower.";
  // -1 is all of the tower, with its last norm.
  const std::int64_t layer = json.integer("vision_feature_layer", -1);
  if (layer != -1) parts.feature_layer = feature_layer(layer, tower.positive("num_hidden_layers", 24));
  json.require("vision_feature_select_strategy", "default");
  const std::int64_t side = shuffled_side(json, "downsample_ratio");
  const ActivationFunction act = activation_of(json, "projector_hidden_act", "gelu");
  parts.projector = {
      MergeTokens{side, false}, ProjectorNorm{projector + "layer_norm.", Normalization::layer, 1e-5, false},
      ProjectorLinear{projector + "linear_1.", width}, act, ProjectorLinear{projector + "linear_2.", width}};
  parts.image_token = json.integer("image_token_id", 151667);
  parts.processor_class = "InternVLProcessor";
  parts.image_processor_type = "GotOcr2ImageProcessor";
  return parts;
}

}  // namespace mhub::internvl
