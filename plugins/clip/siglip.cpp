// SPDX-License-Identifier: Apache-2.0
#include "siglip.hpp"

namespace mhub::clip {

SiglipVisionConfig::SiglipVisionConfig() {
  patch_size = 16;
  hidden_act = "gelu_pytorch_tanh";
  layer_norm_eps = 1e-6;
}

void SiglipVisionConfig::bind(ConfigBinding& b) {
  EncoderConfig::bind(b);
  PatchesConfig::bind(b, "siglip");
  // Megatron's model has none, so that only the original can say that there was one.
  if (b.from_megatron()) vision_use_head = false;
  b.boolean("vision_use_head", vision_use_head);
}

Mapping SiglipVisionModel::mapping(const SiglipVisionConfig& config, const TransformerConfig& megatron) {
  const std::string tower = "vision_model.";
  const std::int64_t h = megatron.hidden_size, ffn = megatron.ffn_hidden_size;
  Mapping map = patches_and_layers(megatron);
  map.rule("conv1.bias", replicated(tower + "embeddings.patch_embedding.bias", {h}));
  add_norm(map, megatron, "ln_post.", tower + "post_layernorm");
  if (config.vision_use_head) {
    const std::string head = tower + "head.";
    map.carried(head + "probe", {1, 1, h});
    map.carried(head + "attention.in_proj_weight", {3 * h, h});
    map.carried(head + "attention.in_proj_bias", {3 * h});
    for (const auto& [name, out, in] :
         {std::tuple{"attention.out_proj.", h, h}, {"mlp.fc1.", ffn, h}, {"mlp.fc2.", h, ffn}}) {
      map.carried(head + name + "weight", {out, in});
      map.carried(head + name + "bias", {out});
    }
    for (const char* name : {"weight", "bias"}) map.carried(head + "layernorm." + name, {h});
  }
  return map.base_model_prefix(tower);
}

}  // namespace mhub::clip
