// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/vision_fields.hpp"

namespace mhub {
namespace {

/// examples/multimodal's arguments.
void write_arguments(FieldBinding& f, const ImageConfig& image) {
  f.constant("vision_model_type", image.vision_model_type);
  f.constant("img_h", image.image_size);
  f.constant("img_w", image.image_size);
  f.constant("patch_dim", image.patch_size);
  f.constant("num_channels", image.num_channels);
}

}  // namespace

void bind_image_fields(FieldBinding& f, ImageConfig& image) {
  f.text("vision_model_type", image.vision_model_type);
  f.positive("image_size", image.image_size);
  f.positive("patch_size", image.patch_size);
  f.positive("num_channels", image.num_channels);
}

void bind_projector_fields(FieldBinding& f, VisionConfig& vision) {
  f.integer("unused_layers", vision.unused_layers);
  f.boolean("drop_class_token", vision.drop_class_token);
  f.text("projector_activation", vision.projector_activation);
  f.positive("projector_ffn_hidden_size", vision.projector_ffn_hidden_size);
  f.boolean("projector_bias", vision.projector_bias);
  f.integer("image_token_index", vision.image_token_index);
}

void bind_image(FieldBinding& f, TransformerConfig& c) {
  const char* key = "hf_image";
  if (f.reading() && f.reader().has(key)) c.image.emplace();
  if (!c.image) return;
  FieldBinding fields = f.reading() ? FieldBinding(f.reader().object(key)) : FieldBinding();
  bind_image_fields(fields, *c.image);
  if (f.reading()) return;
  f.constant(key, fields.written());
  write_arguments(f, *c.image);
}

void bind_vision(FieldBinding& f, TransformerConfig& c,
                 void (*bind_tower)(FieldBinding&, TransformerConfig&)) {
  const char *tower_key = "hf_vision_tower", *projector_key = "hf_vision_projector";
  if (f.reading()) {
    if (!f.reader().has(tower_key)) return;
    VisionConfig vision;
    FieldBinding tower(f.reader().object(tower_key)), projector(f.reader().object(projector_key));
    bind_tower(tower, vision.tower);
    bind_projector_fields(projector, vision);
    if (!vision.tower.image) f.reader().fail(tower_key, "expected a model of images");
    c.vision = std::make_shared<const VisionConfig>(std::move(vision));
  } else if (c.vision) {
    VisionConfig vision = *c.vision;
    FieldBinding tower, projector;
    bind_tower(tower, vision.tower);
    bind_projector_fields(projector, vision);
    f.constant(tower_key, tower.written());
    f.constant(projector_key, projector.written());
    write_arguments(f, *vision.tower.image);
    f.constant("disable_vision_class_token", vision.drop_class_token);
    f.constant("vision_projection_type", "mlp");
  }
}

std::vector<std::string> vision_flags(const VisionConfig& vision) {
  const ImageConfig& image = *vision.tower.image;
  const std::string size = std::to_string(image.image_size);
  std::vector<std::string> flags{"--vision-model-type " + image.vision_model_type, "--img-h " + size,
                                 "--img-w " + size, "--patch-dim " + std::to_string(image.patch_size)};
  if (vision.drop_class_token) flags.emplace_back("--disable-vision-class-token");
  return flags;
}

std::vector<std::string> vision_limits(const TransformerConfig& config) {
  const VisionConfig& vision = *config.vision;
  const TransformerConfig& tower = vision.tower;
  std::vector<std::string> limits;
  if (vision.unused_layers > 0)
    limits.push_back(
        "image features come from layer " + std::to_string(tower.num_layers) + " of " +
        std::to_string(tower.num_layers + vision.unused_layers) + ": build LLaVAModel's vision model with " +
        std::to_string(tower.num_layers) +
        " layers (a constant in examples/multimodal/config.py); the others are carried, not loaded");
  if (tower.layernorm_epsilon != config.layernorm_epsilon)
    limits.emplace_back(
        "the vision model's norms have an epsilon of their own: examples/multimodal has one for both");
  return limits;
}

}  // namespace mhub
