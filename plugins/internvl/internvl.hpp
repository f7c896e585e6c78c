// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../qwen/texts.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"
#include "tower.hpp"

namespace mhub::internvl {

/// InternVL 2.5 to 3.5 as transformers has it ("...-hf"): a decoder of any registered class goes to Megatron,
/// the tower is carried.
struct InternVLForConditionalGeneration : DecoderOfMultimodal<InternVLForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "InternVLForConditionalGeneration";
  static constexpr const char* config_class = "InternVLConfig";
  static constexpr const char* model_type = "internvl";
  static MultimodalNames names() { return {}; }
  static VisionParts vision(const Config& config, const ConfigReader& json) {
    return internvl_vision(json, config_to_megatron(config).hidden_size);
  }
};

/// The same as OpenGVLab publishes it, with code of its own (modeling_internvl_chat.py): other names of the
/// tower and the projector, and of the decoder's config.
struct InternVLChatModel : DecoderOfMultimodal<InternVLChatModel, Qwen2Text> {
  static constexpr const char* class_name = "InternVLChatModel";
  static constexpr const char* config_class = "InternVLChatConfig";
  static constexpr const char* model_type = "internvl_chat";
  static MultimodalNames names() { return {.others = {"vision_model.", "mlp1."}, .config = "llm_config"}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
};

}  // namespace mhub::internvl
