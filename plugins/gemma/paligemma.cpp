// SPDX-License-Identifier: Apache-2.0
#include "paligemma.hpp"

namespace mhub::gemma {

/// PaliGemmaConfig sets use_bidirectional_attention for what it asks of the mask where there is a picture
/// (VisionParts::prompt_at_once); texts alone are causal.
nlohmann::json PaliGemmaForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  nlohmann::json text = text_config_of(whole, GemmaForCausalLM::model_type);
  if (text.is_object()) text.erase("use_bidirectional_attention");
  return text;
}

/// modeling_paligemma.py: the tower with its last norm and one linear layer. Picture and prompt are a prefix
/// whose tokens see each other; what follows is causal.
VisionParts PaliGemmaForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  VisionParts parts;
  parts.tower_config = json.object("vision_config").json();
  if (!parts.tower_config.contains("model_type")) parts.tower_config["model_type"] = "siglip_vision_model";
  parts.tower_names = "vision_tower.";
  parts.projector = {
      ProjectorLinear{"multi_modal_projector.linear.", config_to_megatron(config).hidden_size}};
  parts.image_token = json.integer("image_token_index", json.integer("image_token_id", 256000));
  parts.prompt_at_once = true;
  parts.processor_class = "PaliGemmaProcessor";
  parts.image_processor_type = "SiglipImageProcessor";
  return parts;
}

}  // namespace mhub::gemma
