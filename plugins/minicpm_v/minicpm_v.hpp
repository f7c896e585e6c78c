// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::minicpm_v {

/// The decoder's class where the config does not say (plugins/qwen_next): MiniCPMV4_6Config of transformers.
struct Qwen3_5Text {
  static constexpr const char *model_type = "qwen3_5_text", *tokenizer_class = "Qwen2TokenizerFast";
};

/// MiniCPM-V 4.6: Qwen3.5's decoder goes to Megatron, the tower and what merges its tokens are carried.
struct MiniCPMV4_6ForConditionalGeneration
    : DecoderOfMultimodal<MiniCPMV4_6ForConditionalGeneration, Qwen3_5Text> {
  static constexpr const char* class_name = "MiniCPMV4_6ForConditionalGeneration";
  static constexpr const char* config_class = "MiniCPMV4_6Config";
  static constexpr const char* model_type = "minicpmv4_6";
  static MultimodalNames names() {
    return {"model.language_model.", "lm_head.", {"model.vision_tower.", "model.merger."}};
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
};

}  // namespace mhub::minicpm_v
