// SPDX-License-Identifier: Apache-2.0
#include "encoder.hpp"

namespace mhub::clip {

void EncoderConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {"hidden_size", hidden_size}, {"num_hidden_layers", num_hidden_layers},
                     {"num_attention_heads", num_attention_heads});
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.text("hidden_act", hidden_act, m.activation);
  b.number("layer_norm_eps", layer_norm_eps, m.layernorm_epsilon);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.fixed(m.position_embedding_type, PositionEmbedding::learned_absolute);
  fix_layer_norm_and_plain_mlp(b, true);
}

void PatchesConfig::bind(ConfigBinding& b, const std::string& vision_model_type) {
  TransformerConfig& m = b.megatron;
  if (!m.image) m.image.emplace();
  b.positive("num_channels", num_channels, m.image->num_channels);
  b.check(num_channels == 3, "num_channels", "unsupported: CLIPViTModel has 3");
  b.positive("image_size", image_size, m.image->image_size);
  b.positive("patch_size", patch_size, m.image->patch_size);
  b.check(image_size >= patch_size, "image_size", "expected patch_size at least");
  b.check(image_size <= 16384, "image_size", "expected 16384 at most");
  b.fixed(m.image->vision_model_type, vision_model_type);
  const std::int64_t side = image_size / patch_size;
  const ImageConfig kind{vision_model_type};
  b.fixed(m.max_position_embeddings, side * side + (kind.has_class_token() ? 1 : 0));
  b.fixed(m.bridge_provider, "");  // Megatron-Bridge has none
}

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

Mapping patches_and_layers(const TransformerConfig& m) {
  const std::string tower = "vision_model.", embeddings = tower + "embeddings.";
  const std::int64_t h = m.hidden_size, patch = m.image->patch_size;
  const DecoderNames names = encoder_names(tower);
  Mapping map;
  map.index("i", m.num_layers);
  map.rule("conv1.weight",
           replicated(embeddings + "patch_embedding.weight", {h, m.image->num_channels, patch, patch}));
  map.rule("position_embeddings.weight",
           replicated(names.position_embedding + ".weight", {m.max_position_embeddings, h}));
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  map.ignore("*embeddings.position_ids", "0, 1, 2 ..., a buffer that transformers 4.30 and older saved");
  return map;
}

}  // namespace mhub::clip
