// SPDX-License-Identifier: Apache-2.0
#include "pixtral.hpp"

#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::llama {

void PixtralVisionConfig::bind(ConfigBinding& b) {
  TransformerConfig& m = b.megatron;
  bind_encoder_sizes(b, {"hidden_size", hidden_size}, {"num_hidden_layers", num_hidden_layers},
                     {"num_attention_heads", num_attention_heads});
  b.positive("intermediate_size", intermediate_size, m.ffn_hidden_size);
  b.text("hidden_act", hidden_act, m.activation);
  b.number("attention_dropout", attention_dropout, m.training.attention_dropout);
  b.positive("num_channels", num_channels);
  b.check(num_channels == 3, "num_channels", "unsupported: other than 3");
  if (!m.image) m.image.emplace();
  b.positive("patch_size", patch_size, m.image->patch_size);
  b.check(patch_size <= 1024, "patch_size", "expected 1024 at most");
  b.positive("image_size", image_size);
  b.check(image_size <= 65536, "image_size", "expected 65536 at most");
  b.fixed(m.image->vision_model_type, "pixtral");
  b.rotary(rotary);
  b.fixed(m.position_embedding_type, PositionEmbedding::none);
  b.fixed(m.layernorm_epsilon, 1e-5);  // written in modeling_pixtral.py, not in the config
  b.fixed(m.bridge_provider, "");
}

Mapping PixtralVisionModel::mapping(const Config& config, const TransformerConfig& m) {
  DecoderNames names;
  names.base_prefix.clear();
  names.layer = "transformer.layers.{i}.";
  names.input_norm = "attention_norm";
  names.qkv = "attention.{q,k,v}_proj";
  names.proj = "attention.o_proj";
  names.pre_mlp_norm = "ffn_norm";
  names.fc1 = "feed_forward.{gate,up}_proj";
  names.fc2 = "feed_forward.down_proj";
  Mapping map;
  map.index("i", m.num_layers);
  map.rule("conv1.weight", replicated("patch_conv.weight", {m.hidden_size, config.num_channels,
                                                            config.patch_size, config.patch_size}));
  add_norm(map, m, "ln_pre.", "ln_pre");
  add_attention(map, m, names);
  add_dense_mlp(map, m, names);
  return map;
}

TowerParts PixtralVisionModel::tower(const Config& config) {
  TowerParts parts;
  parts.patch_size = config.patch_size;
  parts.most_per_side = config.image_size / config.patch_size;
  parts.pre_norm = true;
  // PixtralRotaryEmbedding: of a head's frequencies every other one is the columns'.
  PatchRotation rotation;
  rotation.theta = config.rotary.theta;
  rotation.columns_between = true;
  parts.rotation = rotation;
  return parts;
}

VisionParts mistral3_vision(const ConfigReader& json, const TransformerConfig& decoder) {
  const std::string projector = "multi_modal_projector.";
  const ConfigReader tower = json.object("vision_config");
  VisionParts parts;
  parts.tower_config = tower.json();
  if (!parts.tower_config.contains("model_type"))
    parts.tower_config["model_type"] = PixtralVisionModel::model_type;
  parts.tower_names = "vision_tower.";
  const std::int64_t width = tower.positive("hidden_size", 1024), out = decoder.hidden_size;
  parts.feature_layer =
      feature_layer(json.integer("vision_feature_layer", -1), tower.positive("num_hidden_layers", 24));
  const ActivationFunction act = activation_of(json, "projector_hidden_act", "gelu");
  parts.projector = {ProjectorNorm{projector + "norm.", Normalization::rms, decoder.layernorm_epsilon, false},
                     MergeTokens{json.positive("spatial_merge_size", 2), true},
                     ProjectorLinear{projector + "patch_merger.merging_layer.", width},
                     ProjectorLinear{projector + "linear_1.", out},
                     act,
                     ProjectorLinear{projector + "linear_2.", out}};
  parts.image_token = json.integer("image_token_index", json.integer("image_token_id", 10));
  parts.processor_class = "PixtralProcessor";
  parts.image_processor_type = "PixtralImageProcessor";
  return parts;
}

}  // namespace mhub::llama
