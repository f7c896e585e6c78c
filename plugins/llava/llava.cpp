// SPDX-License-Identifier: Apache-2.0
#include "llava.hpp"

#include "mhub/plugin/plugin.hpp"
#include "onevision.hpp"

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

namespace {

/// Names of the model in memory from transformers 4.52 on, which save_pretrained writes when it is told not
/// to go back to the original ones (transformers' conversion_mapping.py, "llava" and "llava_next").
Mapping with_newer_names(Mapping map) {
  map.also_spelled("language_model.model.", "model.language_model.");
  map.also_spelled("language_model.lm_head.", "lm_head.");
  map.also_spelled("vision_tower.", "model.vision_tower.");
  map.also_spelled("vision_tower.vision_model.", "model.vision_tower.");
  map.also_spelled("multi_modal_projector.", "model.multi_modal_projector.");
  return map;
}

}  // namespace

Mapping LlavaForConditionalGeneration::mapping(const LlavaConfig& config, const TransformerConfig& megatron) {
  return with_newer_names(vision_language_mapping(config, megatron, {}));
}

Mapping LlavaNextForConditionalGeneration::mapping(const LlavaNextConfig& config,
                                                   const TransformerConfig& megatron) {
  Mapping map = with_newer_names(vision_language_mapping(config, megatron, {}));
  map.carried("image_newline", {megatron.hidden_size});
  map.also_spelled("image_newline", "model.image_newline");
  return map;
}

VisionParts LlavaNextForConditionalGeneration::vision(const LlavaNextConfig& config,
                                                      const ConfigReader& json) {
  VisionParts parts;
  parts.row_end = "image_newline";
  parts.image_token = config.image_token_index;
  parts.tile_grids = json.json().value("image_grid_pinpoints", nlohmann::json());
  parts.processor_class = "LlavaNextProcessor";
  parts.image_processor_type = "LlavaNextImageProcessor";
  return parts;
}

}  // namespace mhub::llava

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "llava";
  registrar.about = "LLaVA 1.5, LLaVA-NeXT, LLaVA-OneVision and models built like them";
  registrar.add<mhub::llava::LlavaForConditionalGeneration>();
  registrar.add<mhub::llava::LlavaNextForConditionalGeneration>();
  registrar.add<mhub::llava::LlavaOnevisionForConditionalGeneration>();
  registrar.add<mhub::llava::LLaVAOneVision1_5_ForConditionalGeneration>();
  // As mcore-bridge and a branch of transformers call it.
  registrar.add_alias<mhub::llava::LLaVAOneVision1_5_ForConditionalGeneration>(
      "LlavaOnevision1_5ForConditionalGeneration", "LlavaOnevision1_5Config", "llava_onevision1_5");
}
