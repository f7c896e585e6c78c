// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../qwen/texts.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::qwen_vl {

// Of each, the decoder goes to Megatron and the tower is carried. Of multi-axis rotary positions, texts have
// the same on every axis, which is plain rotation.

/// Qwen2-VL: LayerNorm and quick_gelu in its tower.
struct Qwen2VLForConditionalGeneration : DecoderOfMultimodal<Qwen2VLForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "Qwen2VLForConditionalGeneration";
  static constexpr const char* config_class = "Qwen2VLConfig";
  static constexpr const char* model_type = "qwen2_vl";
  static MultimodalNames names() { return {"model.", "lm_head.", {"visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// Qwen2.5-VL: RMSNorm, gated MLPs and windows in its tower.
struct Qwen2_5_VLForConditionalGeneration : WholeMultimodal<Qwen2_5_VLForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "Qwen2_5_VLForConditionalGeneration";
  static constexpr const char* config_class = "Qwen2_5_VLConfig";
  static constexpr const char* model_type = "qwen2_5_vl";
  static MultimodalNames names() { return {"model.", "lm_head.", {"visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.qwen_vl.qwen25_vl_provider.Qwen25VLModelProvider";
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// Qwen3-VL: features of several layers of the tower go into the decoder's first layers (deepstack).
struct Qwen3VLForConditionalGeneration : WholeMultimodal<Qwen3VLForConditionalGeneration, Qwen3Text> {
  static constexpr const char* class_name = "Qwen3VLForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3VLConfig";
  static constexpr const char* model_type = "qwen3_vl";
  static MultimodalNames names() { return {"model.language_model.", "lm_head.", {"model.visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.qwen_vl.qwen3_vl_provider.Qwen3VLModelProvider";
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// The same with experts, which are stored stacked: [experts, in, out] as published, [experts, out, in] as
/// transformers 5 saves them.
struct Qwen3VLMoeForConditionalGeneration
    : WholeMultimodal<Qwen3VLMoeForConditionalGeneration, Qwen3MoeText> {
  static constexpr const char* class_name = "Qwen3VLMoeForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3VLMoeConfig";
  static constexpr const char* model_type = "qwen3_vl_moe";
  static MultimodalNames names() { return {"model.language_model.", "lm_head.", {"model.visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.qwen_vl.qwen3_vl_provider.Qwen3VLMoEModelProvider";
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::qwen_vl
