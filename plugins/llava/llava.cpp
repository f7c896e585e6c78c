// SPDX-License-Identifier: Apache-2.0
#include "llava.hpp"

#include "mhub/plugin/plugin.hpp"

namespace mhub::llava {

void LlavaConfig::bind(ConfigBinding& b) {
  text_model_type = "llama";
  vision_model_type = "clip_vision_model";
  // CLIP ViT-L/14 at 336 pixels, as configuration_llava.py has it.
  b.absent_means("vision_config", {{"hidden_size", 1024},
                                   {"intermediate_size", 4096},
                                   {"num_hidden_layers", 24},
                                   {"num_attention_heads", 16},
                                   {"image_size", 336},
                                   {"patch_size", 14}});
  VisionLanguageConfig::bind(b);
}

Mapping LlavaForConditionalGeneration::mapping(const LlavaConfig& config, const TransformerConfig& megatron) {
  Mapping map = vision_language_mapping(config, megatron, {});
  // Names of the model in memory from transformers 4.52 on, which save_pretrained writes when it is told not
  // to go back to the original ones (transformers' conversion_mapping.py, "llava").
  map.also_spelled("language_model.model.", "model.language_model.");
  map.also_spelled("language_model.lm_head.", "lm_head.");
  map.also_spelled("vision_tower.", "model.vision_tower.");
  map.also_spelled("vision_tower.vision_model.", "model.vision_tower.");
  map.also_spelled("multi_modal_projector.", "model.multi_modal_projector.");
  return map;
}

}  // namespace mhub::llava

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llava";
  registrar.about = "LLaVA 1.5 and models built like it";
  registrar.add<mhub::llava::LlavaForConditionalGeneration>();
}
