// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"
#include "tower.hpp"

namespace mhub::glm_vl {

// Of each, the decoder goes to Megatron and the tower is carried. Of multi-axis rotary positions, texts have
// the same on every axis, which is plain rotation.

/// The decoders' own classes (plugins/glm and plugins/glm_moe).
struct Glm4Text {
  static constexpr const char *model_type = "glm4", *tokenizer_class = "PreTrainedTokenizerFast";
};
struct Glm4MoeText {
  static constexpr const char *model_type = "glm4_moe", *tokenizer_class = "PreTrainedTokenizerFast";
};

/// What all of them call their parts (modeling_glm4v.py; published ones have no other names).
inline MultimodalNames names_of_glm() { return {"model.language_model.", "lm_head.", {"model.visual."}}; }

/// GLM-4.1V and GLM-4.6V-Flash: GLM-4's decoder.
struct Glm4vForConditionalGeneration : DecoderOfMultimodal<Glm4vForConditionalGeneration, Glm4Text> {
  static constexpr const char* class_name = "Glm4vForConditionalGeneration";
  static constexpr const char* config_class = "Glm4vConfig";
  static constexpr const char* model_type = "glm4v";
  static MultimodalNames names() { return names_of_glm(); }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static VisionParts vision(const Config&, const ConfigReader& json) { return glm_vision(json, 151343); }
};

/// GLM-4.5V and GLM-4.6V: GLM-4.5's decoder.
struct Glm4vMoeForConditionalGeneration : DecoderOfMultimodal<Glm4vMoeForConditionalGeneration, Glm4MoeText> {
  static constexpr const char* class_name = "Glm4vMoeForConditionalGeneration";
  static constexpr const char* config_class = "Glm4vMoeConfig";
  static constexpr const char* model_type = "glm4v_moe";
  static MultimodalNames names() { return names_of_glm(); }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static VisionParts vision(const Config&, const ConfigReader& json) { return glm_vision(json, 151363); }
};

/// transformers' Glm46VForConditionalGeneration: either decoder, as "text_config" says. Its experts lie
/// together as in memory, for conversion_mapping.py does not know the class.
struct Glm46VForConditionalGeneration : DecoderOfMultimodal<Glm46VForConditionalGeneration, Glm4Text> {
  static constexpr const char* class_name = "Glm46VForConditionalGeneration";
  static constexpr const char* config_class = "Glm46VConfig";
  static constexpr const char* model_type = "glm46v";
  static MultimodalNames names() { return names_of_glm(); }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static VisionParts vision(const Config&, const ConfigReader& json) { return glm_vision(json, 151343); }
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
};

}  // namespace mhub::glm_vl
