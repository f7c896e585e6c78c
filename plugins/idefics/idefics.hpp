// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::idefics {

/// The decoder's class where the config does not say (plugins/llama).
struct LlamaText {
  static constexpr const char *model_type = "llama", *tokenizer_class = "PreTrainedTokenizerFast";
};

/// As transformers does, by "model_type": "architectures" of published ones is a class that was never
/// released ("VLlama3ForCausalLM").
nlohmann::json typed_text_config(const nlohmann::json& whole);

/// Idefics 3: the decoder goes to Megatron, the tower and the connector are carried.
struct Idefics3ForConditionalGeneration : DecoderOfMultimodal<Idefics3ForConditionalGeneration, LlamaText> {
  static constexpr const char* class_name = "Idefics3ForConditionalGeneration";
  static constexpr const char* config_class = "Idefics3Config";
  static constexpr const char* model_type = "idefics3";
  static MultimodalNames names() {
    return {"model.text_model.", "lm_head.", {"model.vision_model.", "model.connector."}};
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole) { return typed_text_config(whole); }
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// SmolVLM and SmolVLM2: the same.
struct SmolVLMForConditionalGeneration : DecoderOfMultimodal<SmolVLMForConditionalGeneration, LlamaText> {
  static constexpr const char* class_name = "SmolVLMForConditionalGeneration";
  static constexpr const char* config_class = "SmolVLMConfig";
  static constexpr const char* model_type = "smolvlm";
  static MultimodalNames names() { return Idefics3ForConditionalGeneration::names(); }
  static nlohmann::json decoder_config(const nlohmann::json& whole) { return typed_text_config(whole); }
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::idefics
