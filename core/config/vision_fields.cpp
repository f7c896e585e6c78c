// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/field_functions.hpp"

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

void bind_image(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const char* key = "hf_image";
  if (dialect != Dialect::args) return;
  if (f.reading() && f.reader().has(key)) c.image.emplace();
  if (!c.image) return;
  FieldBinding fields = f.reading() ? FieldBinding(f.reader().object(key)) : FieldBinding();
  bind_part(fields, c, "image");
  if (f.reading()) return;
  f.constant(key, fields.written());
  write_arguments(f, *c.image);
}

void bind_vision(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const char *tower_key = "hf_vision_tower", *projector_key = "hf_vision_projector";
  if (dialect != Dialect::args) return;
  if (f.reading()) {
    if (!f.reader().has(tower_key)) return;
    FieldBinding fields(f.reader().object(tower_key)), projector(f.reader().object(projector_key));
    TransformerConfig tower;
    bind_fields(fields, tower, dialect);
    if (!tower.image) f.reader().fail(tower_key, "expected a model of images");
    c.vision.emplace().tower = std::make_shared<const TransformerConfig>(std::move(tower));
    bind_part(projector, c, "vision");
  } else if (c.vision) {
    TransformerConfig tower = *c.vision->tower;
    FieldBinding fields, projector;
    bind_fields(fields, tower, dialect);
    bind_part(projector, c, "vision");
    f.constant(tower_key, fields.written());
    f.constant(projector_key, projector.written());
    write_arguments(f, *tower.image);
    f.constant("disable_vision_class_token", c.vision->drop_class_token);
    f.constant("vision_projection_type", "mlp");
  }
}

void add_vision_flags(Lines& flags, const TransformerConfig& c) {
  const ImageConfig& image = *c.vision->tower->image;
  const std::string size = std::to_string(image.image_size);
  flags.push_back("--vision-model-type " + image.vision_model_type);
  flags.push_back("--img-h " + size);
  flags.push_back("--img-w " + size);
  flags.push_back("--patch-dim " + std::to_string(image.patch_size));
  if (c.vision->drop_class_token) flags.emplace_back("--disable-vision-class-token");
}

void add_vision_limits(Lines& limits, const TransformerConfig& c) {
  const TransformerConfig& tower = *c.vision->tower;
  const std::string layers = std::to_string(tower.num_layers);
  if (c.vision->unused_layers > 0)
    limits.push_back(
        "image features come from layer " + layers + " of " +
        std::to_string(tower.num_layers + c.vision->unused_layers) +
        ": build LLaVAModel's vision model with " + layers +
        " layers (a constant in examples/multimodal/config.py); the others are carried, not loaded");
  if (tower.layernorm_epsilon != c.layernorm_epsilon)
    limits.emplace_back(
        "the vision model's norms have an epsilon of their own: examples/multimodal has one for both");
}

}  // namespace mhub
