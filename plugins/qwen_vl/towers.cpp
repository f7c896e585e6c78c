// SPDX-License-Identifier: Apache-2.0
#include "towers.hpp"

#include <cmath>

#include "mhub/config/decoder_config.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::qwen_vl {
namespace {

/// Names of the layers, whose MLP differs.
DecoderNames block_names(const std::string& fc1, const std::string& fc2) {
  DecoderNames names;
  names.base_prefix.clear();
  names.layer = "blocks.{i}.";
  names.input_norm = "norm1";
  names.qkv = "attn.qkv";
  names.proj = "attn.proj";
  names.pre_mlp_norm = "norm2";
  names.fc1 = fc1;
  names.fc2 = fc2;
  return names;
}

/// Patches, layers; the mergers are the projectors of the whole model.
Mapping tower_mapping(const VisionConfigBase& config, const TransformerConfig& m, const DecoderNames& names,
                      bool patch_bias) {
  Mapping map;
  map.index("i", m.num_layers);
  const std::string patches = "patch_embed.proj.";
  map.rule("conv1.weight",
           replicated(patches + "weight", {m.hidden_size, config.in_channels, config.temporal_patch_size,
                                           config.patch_size, config.patch_size}));
  if (patch_bias) map.rule("conv1.bias", replicated(patches + "bias", {m.hidden_size}));
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  map.carry_rest("merger.");
  return map;
}

}  // namespace

void VisionConfigBase::bind(ConfigBinding& b, const std::string& kind, const char* width) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {width, hidden_size}, {"depth", depth}, {"num_heads", num_heads});
  b.text("hidden_act", hidden_act, m.activation);
  b.positive("in_channels", in_channels);
  b.check(in_channels == 3, "in_channels", "unsupported: other than 3");
  b.positive("patch_size", patch_size);
  b.positive("spatial_merge_size", spatial_merge_size);
  b.positive("temporal_patch_size", temporal_patch_size);
  b.check(patch_size <= 1024 && spatial_merge_size <= 64 && temporal_patch_size <= 8, "patch_size",
          "unsupported: patches of more than 1024 pixels, 8 frames, or squares of more than 64");
  b.fixed(m.layernorm_epsilon, 1e-6);  // written in modeling_*.py, not in the config
  b.fixed(m.add_bias_linear, true);
  b.fixed(m.position_embedding_type, PositionEmbedding::none);
  b.fixed(m.bridge_provider, "");
  if (!m.image) m.image.emplace();
  b.fixed(m.image->vision_model_type, kind);
  b.link(patch_size, m.image->patch_size);
}

TowerParts VisionConfigBase::tower() const {
  TowerParts parts;
  parts.patch_size = patch_size;
  parts.merge = spatial_merge_size;
  parts.frames = temporal_patch_size;
  parts.rotation = PatchRotation{};
  return parts;
}

void Qwen2VLVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  VisionConfigBase::bind(b, "qwen2_vl", "embed_dim");
  b.positive("mlp_ratio", mlp_ratio);
  b.fixed(m.ffn_hidden_size, hidden_size * mlp_ratio);
  b.fixed(m.normalization, Normalization::layer);
  b.fixed(m.gated_linear_unit, false);
}

void Qwen2_5_VLVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  VisionConfigBase::bind(b, "qwen2_5_vl");
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("window_size", window_size);
  b.integers("fullatt_block_indexes", fullatt_block_indexes);
  b.check(window_size / spatial_merge_size / patch_size > 0, "window_size",
          "expected the pixels of one square of patches at least");
}

Qwen3VLVisionConfig::Qwen3VLVisionConfig() {
  depth = 27;
  hidden_size = 1152;
  patch_size = 16;
  hidden_act = "gelu_pytorch_tanh";
}

void Qwen3VLVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  VisionConfigBase::bind(b, "qwen3_vl");
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.positive("num_position_embeddings", num_position_embeddings, m.max_position_embeddings);
  const auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(num_position_embeddings)));
  b.check(side * side == num_position_embeddings, "num_position_embeddings", "expected a square number");
  b.fixed(m.normalization, Normalization::layer);
  b.fixed(m.gated_linear_unit, false);
}

Mapping Qwen2VisionTransformerPretrainedModel::mapping(const Config& config,
                                                       const TransformerConfig& megatron) {
  return tower_mapping(config, megatron, block_names("mlp.fc1", "mlp.fc2"), false);
}

Mapping Qwen2_5_VisionTransformerPretrainedModel::mapping(const Config& config,
                                                          const TransformerConfig& megatron) {
  return tower_mapping(config, megatron, block_names("mlp.{gate,up}_proj", "mlp.down_proj"), false);
}

TowerParts Qwen2_5_VisionTransformerPretrainedModel::tower(const Config& config) {
  TowerParts parts = config.tower();
  parts.window = config.window_size / config.spatial_merge_size / config.patch_size;
  parts.full_layers = config.fullatt_block_indexes;
  return parts;
}

Mapping Qwen3VLVisionModel::mapping(const Config& config, const TransformerConfig& megatron) {
  Mapping map = tower_mapping(config, megatron, block_names("mlp.linear_fc1", "mlp.linear_fc2"), true);
  map.rule("position_embeddings.weight",
           replicated("pos_embed.weight", {config.num_position_embeddings, megatron.hidden_size}));
  map.carry_rest("deepstack_merger_list.");
  return map;
}

TowerParts Qwen3VLVisionModel::tower(const Config& config) {
  TowerParts parts = config.tower();
  parts.positions = TowerParts::Positions::interpolated;
  parts.positions_per_side =
      static_cast<std::int64_t>(std::sqrt(static_cast<double>(config.num_position_embeddings)));
  return parts;
}

}  // namespace mhub::qwen_vl
