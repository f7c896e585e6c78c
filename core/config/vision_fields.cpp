// SPDX-License-Identifier: Apache-2.0
#include "mhub/config/fields.hpp"

namespace mhub {
namespace {

/// examples/multimodal's arguments.
void write_arguments(FieldBinding& f, const ImageConfig& image) {
  f.constant("vision_model_type", image.vision_model_type);
  f.constant("img_h", image.seen_size());
  f.constant("img_w", image.seen_size());
  f.constant("patch_dim", image.patch_size);
  f.constant("num_channels", image.num_channels);
}

}  // namespace

void bind_image(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const char* key = "hf_image";
  if (dialect != Dialect::args) return;
  if (f.reading() && f.reader().has(key)) c.image.emplace();
  if (!c.image) return;
  f.nested(key, [&](FieldBinding& fields) { bind_part(fields, c, "image"); });
  write_arguments(f, *c.image);
}

void bind_vision(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  const char* key = "hf_vision_tower";
  if (dialect != Dialect::args) return;
  if (f.reading() && f.reader().has(key)) c.vision.emplace();
  if (!c.vision) return;
  TransformerConfig tower = f.reading() ? TransformerConfig() : *c.vision->tower;
  f.nested(key, [&](FieldBinding& fields) { bind_fields(fields, tower, dialect); });
  if (!tower.image) f.reader().fail(key, "expected a model of images");
  f.nested("hf_vision_projector", [&](FieldBinding& fields) { bind_part(fields, c, "vision"); });
  write_arguments(f, *tower.image);
  f.constant("disable_vision_class_token", c.vision->drop_class_token);
  f.constant("vision_projection_type", "mlp");
  c.vision->tower = std::make_shared<const TransformerConfig>(std::move(tower));
}

void add_vision_flags(Lines& flags, const TransformerConfig& c) {
  const ImageConfig& image = *c.vision->tower->image;
  const std::string size = std::to_string(image.seen_size());
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
  add_siglip_note(limits, c);
}

void add_siglip_note(Lines& notes, const TransformerConfig& c) {
  // clip_vit_model.py, forward; modeling_llava.py, get_image_features.
  if (c.vision->tower->image->vision_model_type == "siglip")
    notes.emplace_back(
        "features of a SigLIP tower go through ln_post in Megatron-Core's LLaVAModel; transformers' LLaVA "
        "takes them before that norm, so both compute something else");
}

}  // namespace mhub
