// SPDX-License-Identifier: Apache-2.0
#include "llama4.hpp"
#include "mhub/rules/decoder_rules.hpp"

namespace mhub::llama4 {

void Llama4VisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {"hidden_size", hidden_size}, {"num_hidden_layers", num_hidden_layers},
                     {"num_attention_heads", num_attention_heads});
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.positive("num_channels", num_channels);
  b.check(num_channels == 3, "num_channels", "unsupported: other than 3");
  if (!m.image) m.image.emplace();
  b.positive("image_size", image_size, m.image->image_size);
  b.positive("patch_size", patch_size, m.image->patch_size);
  b.divides("patch_size", patch_size, "image_size", image_size);
  b.check(image_size <= 16384, "image_size", "expected 16384 at most");
  b.fixed(m.image->vision_model_type, "llama4");
  b.rotary(rotary);
  b.fixed(m.position_embedding_type, PositionEmbedding::learned_absolute);
  const std::int64_t side = image_size / patch_size;
  b.fixed(m.max_position_embeddings, side * side + 1);
  // Both written in modeling_llama4.py: the config's norm_eps and hidden_act are not used.
  b.fixed(m.layernorm_epsilon, 1e-5);
  b.fixed(m.activation, ActivationFunction::gelu);
  b.fixed(m.normalization, Normalization::layer);
  b.fixed(m.gated_linear_unit, false);
  b.fixed(m.add_bias_linear, true);
  b.fixed(m.bridge_provider, "");
}

Mapping Llama4VisionModel::mapping(const Config& config, const TransformerConfig& m) {
  DecoderNames names;
  names.base_prefix.clear();
  names.layer = "model.layers.{i}.";
  names.fc1 = "mlp.fc1";
  names.fc2 = "mlp.fc2";
  const std::int64_t h = m.hidden_size, patch = config.patch_size, numbers = h * 3 * patch * patch;
  Mapping map;
  map.index("i", m.num_layers);
  // A linear layer over unfolded patches is a convolution with its weights in that order.
  Operand patches{"patch_embedding.linear.weight", {h, 3 * patch * patch}, {run_box(0, 0, numbers)}, {}};
  map.rule("conv1.weight", custom("replicated", {std::move(patches)}, {h, 3, patch, patch}, {}));
  Operand token{"class_embedding", {h}, {run_box(0, 0, h)}, {}};
  map.rule("class_token", custom("replicated", {std::move(token)}, {1, 1, h}, {}));
  map.rule("position_embeddings.weight",
           replicated("positional_embedding_vlm", {m.max_position_embeddings, h}));
  add_norm(map, m, "ln_pre.", "layernorm_pre");
  add_norm(map, m, "ln_post.", "layernorm_post");
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  map.carry_rest("vision_adapter.");
  return map;
}

TowerParts Llama4VisionModel::tower(const Config& config) {
  TowerParts parts;
  parts.patch_size = config.patch_size;
  parts.image_size = config.image_size;
  parts.class_token = TowerParts::ClassToken::last;
  parts.positions = TowerParts::Positions::learned;
  parts.pre_norm = parts.post_norm = true;
  // Llama4VisionRotaryEmbedding: the first column and row count as 1.
  PatchRotation rotation;
  rotation.theta = config.rotary.theta;
  rotation.columns_first = true;
  rotation.first_position = 1;
  rotation.interleaved = true;
  parts.rotation = rotation;
  return parts;
}

/// Llama4VisionPixelShuffleMLP and Llama4MultiModalProjector.
VisionParts Llama4ForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  const std::string adapter = "vision_model.vision_adapter.mlp.";
  const ConfigReader tower = json.object("vision_config");
  VisionParts parts;
  parts.tower_config = tower.json();
  parts.tower_config["model_type"] = Llama4VisionModel::model_type;
  parts.tower_names = "vision_model.";
  const std::int64_t side = shuffled_side(tower, "pixel_shuffle_ratio");
  parts.projector = {
      MergeTokens{side, false},
      ProjectorLinear{adapter + "fc1.", tower.positive("projector_input_dim", 4096)},
      ActivationFunction::gelu,
      ProjectorLinear{adapter + "fc2.", tower.positive("projector_output_dim", 4096)},
      ActivationFunction::gelu,
      ProjectorLinear{"multi_modal_projector.linear_1.", config_to_megatron(config).hidden_size}};
  parts.image_token = json.integer("image_token_index", json.integer("image_token_id", 200092));
  parts.processor_class = "Llama4Processor";
  parts.image_processor_type = "Llama4ImageProcessor";
  return parts;
}

}  // namespace mhub::llama4
