// SPDX-License-Identifier: Apache-2.0
#include "tower.hpp"

#include "mhub/config/decoder_config.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::glm_vl {

void Glm4vVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {"hidden_size", hidden_size}, {"depth", depth}, {"num_heads", num_heads});
  b.positive("out_hidden_size", out_hidden_size, m.ffn_hidden_size);
  b.text("hidden_act", hidden_act, m.activation);
  b.boolean("attention_bias", attention_bias, m.add_qkv_bias);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.number("rms_norm_eps", rms_norm_eps, m.layernorm_epsilon);
  b.positive("in_channels", in_channels);
  b.check(in_channels == 3, "in_channels", "unsupported: other than 3");
  b.positive("patch_size", patch_size);
  b.positive("image_size", image_size);
  b.positive("spatial_merge_size", spatial_merge_size);
  b.positive("temporal_patch_size", temporal_patch_size);
  b.check(patch_size <= 1024 && spatial_merge_size <= 64 && temporal_patch_size <= 8, "patch_size",
          "unsupported: patches of more than 1024 pixels, 8 frames, or squares of more than 64");
  b.check(image_size >= patch_size && image_size <= 16384, "image_size",
          "expected one patch to 16384 pixels");
  b.fixed(m.position_embedding_type, PositionEmbedding::none);
  b.fixed(m.bridge_provider, "");
  if (!m.image) m.image.emplace();
  b.fixed(m.image->vision_model_type, "glm4v");
  b.link(patch_size, m.image->patch_size);
}

Mapping Glm4vVisionModel::mapping(const Config& config, const TransformerConfig& m) {
  DecoderNames names;
  names.base_prefix.clear();
  names.layer = "blocks.{i}.";
  names.input_norm = "norm1";
  names.qkv = "attn.qkv";
  names.proj = "attn.proj";
  names.pre_mlp_norm = "norm2";
  const std::string patches = "patch_embed.proj.";
  const std::int64_t h = m.hidden_size, side = config.image_size / config.patch_size;
  Mapping map;
  map.index("i", m.num_layers);
  map.rule("conv1.weight", replicated(patches + "weight", {h, config.in_channels, config.temporal_patch_size,
                                                           config.patch_size, config.patch_size}));
  map.rule("conv1.bias", replicated(patches + "bias", {h}));
  map.rule("position_embeddings.weight",
           replicated("embeddings.position_embedding.weight", {side * side, h}));
  add_norm(map, m, "ln_patch.", "post_conv_layernorm");
  add_norm(map, m, "ln_post.", "post_layernorm");
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  map.carry_rest("downsample.");
  map.carry_rest("merger.");
  return map;
}

TowerParts Glm4vVisionModel::tower(const Config& config) {
  TowerParts parts;
  parts.patch_size = config.patch_size;
  parts.merge = config.spatial_merge_size;
  parts.frames = config.temporal_patch_size;
  parts.positions = TowerParts::Positions::bicubic;
  parts.positions_per_side = config.image_size / config.patch_size;
  parts.rotation = PatchRotation{};
  parts.patch_norm = parts.post_norm = true;
  return parts;
}

VisionParts glm_vision(const ConfigReader& json, std::int64_t image_token) {
  const std::string names = "model.visual.", merger = names + "merger.";
  const ConfigReader tower = json.object("vision_config");
  const std::int64_t side = tower.positive("spatial_merge_size", 2),
                     out = tower.positive("out_hidden_size", 4096);
  const ActivationFunction act = activation_of(tower, "hidden_act", "silu");
  VisionParts parts;
  parts.tower_config = tower.json();
  parts.tower_config.erase("architectures");
  // Published configs have the whole model's type there, or that of a class with the same tower.
  parts.tower_config["model_type"] = Glm4vVisionModel::model_type;
  parts.tower_names = names;
  // Glm4vVisionPatchMerger, whose norm is torch's LayerNorm.
  ProjectorLinear downsample{names + "downsample.", out};
  downsample.convolved = side;
  parts.projector = {MergeTokens{side, true},
                     downsample,
                     ProjectorLinear{merger + "proj.", out},
                     ProjectorNorm{merger + "post_projection_norm.", Normalization::layer, 1e-5, false},
                     ActivationFunction::gelu,
                     ProjectorGate{merger + "gate_proj.", merger + "up_proj.",
                                   tower.positive("intermediate_size", 13696), act},
                     ProjectorLinear{merger + "down_proj.", out}};
  parts.rotary = multi_axis_rotary(json, {8, 12, 12}, false);
  parts.image_token = json.integer("image_token_id", image_token);
  parts.processor_class = "Glm4vProcessor";
  parts.image_processor_type = "Glm4vImageProcessor";
  return parts;
}

}  // namespace mhub::glm_vl
