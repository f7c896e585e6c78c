// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::kimi_vl {

/// The decoder's own class (plugins/deepseek). Kimi's tokenizer is in none of transformers' classes.
struct DeepseekV3Text {
  static constexpr const char *model_type = "deepseek_v3", *tokenizer_class = "PreTrainedTokenizerFast";
};

/// "text_config" belongs to code that comes with the model, which is DeepSeek-V3's whatever it is called
/// ("kimi_k2").
nlohmann::json deepseek_v3_config(const nlohmann::json& whole);

/// Kimi-VL: Moonlight's decoder goes to Megatron; the tower, MoonViT, is carried.
struct KimiVLForConditionalGeneration : DecoderOfMultimodal<KimiVLForConditionalGeneration, DeepseekV3Text> {
  static constexpr const char* class_name = "KimiVLForConditionalGeneration";
  static constexpr const char* config_class = "KimiVLConfig";
  static constexpr const char* model_type = "kimi_vl";
  static MultimodalNames names() { return {}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole) { return deepseek_v3_config(whole); }
};

/// Kimi-K2.5: K2's decoder. Names are those of Megatron-Bridge's kimi_k25_vl_bridge.py.
struct KimiK25ForConditionalGeneration
    : DecoderOfMultimodal<KimiK25ForConditionalGeneration, DeepseekV3Text> {
  static constexpr const char* class_name = "KimiK25ForConditionalGeneration";
  static constexpr const char* config_class = "KimiK25Config";
  static constexpr const char* model_type = "kimi_k25";
  static MultimodalNames names() { return {.others = {"vision_tower.", "mm_projector."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole) { return deepseek_v3_config(whole); }
};

}  // namespace mhub::kimi_vl
