// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gemma.hpp"

namespace mhub::gemma {

/// PaliGemma and PaliGemma 2, with SigLIP's tower: the decoder, Gemma's or Gemma 2's, goes to Megatron, the
/// rest is carried. Logits are capped as Gemma 2's class does it and as PaliGemma 2 was published with;
/// transformers' class of the whole leaves that out from 4.52 on.
struct PaliGemmaForConditionalGeneration
    : DecoderOfMultimodal<PaliGemmaForConditionalGeneration, GemmaForCausalLM> {
  static constexpr const char* class_name = "PaliGemmaForConditionalGeneration";
  static constexpr const char* config_class = "PaliGemmaConfig";
  static constexpr const char* model_type = "paligemma";
  static MultimodalNames names() {
    return {.others = {"vision_tower.vision_model.", "multi_modal_projector."}};
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::gemma
