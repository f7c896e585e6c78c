// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../qwen/texts.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::llava {

/// LLaVA-OneVision, with SigLIP's tower: the decoder goes to Megatron, the rest is carried. It is no
/// LLaVAModel of Megatron-Core's: features are taken in front of the tower's last norm, which CLIPViTModel
/// always runs.
struct LlavaOnevisionForConditionalGeneration
    : DecoderOfMultimodal<LlavaOnevisionForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "LlavaOnevisionForConditionalGeneration";
  static constexpr const char* config_class = "LlavaOnevisionConfig";
  static constexpr const char* model_type = "llava_onevision";
  static MultimodalNames names() {
    return {.others = {"vision_tower.vision_model.", "multi_modal_projector.", "image_newline"}};
  }
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// LLaVA-OneVision 1.5, whose code comes with it (EvolvingLMMs-Lab/LLaVA-OneVision-1.5,
/// ds/llavaonevision1_5): Qwen3 with plain positions, and Rice's tower, which is carried.
struct LLaVAOneVision1_5_ForConditionalGeneration
    : DecoderOfMultimodal<LLaVAOneVision1_5_ForConditionalGeneration, Qwen3Text> {
  static constexpr const char* class_name = "LLaVAOneVision1_5_ForConditionalGeneration";
  static constexpr const char* config_class = "Llavaonevision1_5Config";
  static constexpr const char* model_type = "llavaonevision1_5";
  static MultimodalNames names() { return {"model.", "lm_head.", {"visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
};

}  // namespace mhub::llava
