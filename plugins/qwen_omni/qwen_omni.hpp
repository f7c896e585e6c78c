// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "../qwen/texts.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::qwen_omni {

// Qwen's models that hear. Of each, the decoder of texts goes to Megatron and everything else is carried:
// ears, eyes, and what speaks. Of multi-axis rotary positions, texts have the same on every axis, which is
// plain rotation.

/// Qwen2-Audio: Whisper's encoder and one linear layer in front of Qwen2. Bridge's qwen2_audio_bridge.py has
/// the same names.
struct Qwen2AudioForConditionalGeneration
    : DecoderOfMultimodal<Qwen2AudioForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "Qwen2AudioForConditionalGeneration";
  static constexpr const char* config_class = "Qwen2AudioConfig";
  static constexpr const char* model_type = "qwen2_audio";
  static MultimodalNames names() { return {.others = {"audio_tower.", "multi_modal_projector."}}; }
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
};

/// "thinker_config", in which all is that concerns texts.
ConfigReader thinker_of(const ConfigReader& whole);

/// What a model with a thinker inherits: `Self` declares what DecoderOfMultimodal asks for,
/// `static nlohmann::json text_config(nlohmann::json thinker)`, the decoder's config.json, and `voice`, what
/// tensors begin with that speak. A model may be published without those ("enable_audio_output").
template <typename Self, typename Text>
struct DecoderOfThinker : DecoderOfMultimodal<Self, Text> {
  struct Config : DecoderOfMultimodal<Self, Text>::Config {
    bool speaks = true;

    void bind(ConfigBinding& b) {
      DecoderOfMultimodal<Self, Text>::Config::bind(b);
      if (b.reading()) speaks = b.reader().boolean("enable_audio_output", true);
    }
  };
  static Mapping mapping(const Config& config, const TransformerConfig&) {
    Mapping map = multimodal_text_mapping(config, Self::names());
    if (!config.speaks) return map;
    for (const char* part : Self::voice) map.carry_rest(part);
    return map;
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole) {
    return Self::text_config(thinker_of(ConfigReader(whole, "config.json")).json());
  }
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    nlohmann::json whole = config.json();
    whole["thinker_config"] =
        completed_text_config(thinker_of(config), tensors, &Self::text_config, Self::names());
    return whole;
  }
};

/// Qwen2.5-Omni: the thinker's decoder is Qwen2.5's; "talker." and "token2wav." speak.
struct Qwen2_5OmniForConditionalGeneration
    : DecoderOfThinker<Qwen2_5OmniForConditionalGeneration, Qwen2Text> {
  static constexpr const char* class_name = "Qwen2_5OmniForConditionalGeneration";
  static constexpr const char* config_class = "Qwen2_5OmniConfig";
  static constexpr const char* model_type = "qwen2_5_omni";
  static MultimodalNames names() {
    return {"thinker.model.", "thinker.lm_head.", {"thinker.audio_tower.", "thinker.visual."}};
  }
  static constexpr std::array voice{"talker.", "token2wav."};
  static nlohmann::json text_config(nlohmann::json thinker);
};

/// Qwen3-Omni: Qwen3-MoE's decoder; "talker." and "code2wav." speak.
struct Qwen3OmniMoeForConditionalGeneration
    : DecoderOfThinker<Qwen3OmniMoeForConditionalGeneration, Qwen3MoeText> {
  static constexpr const char* class_name = "Qwen3OmniMoeForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3OmniMoeConfig";
  static constexpr const char* model_type = "qwen3_omni_moe";
  static MultimodalNames names() {
    return {"thinker.model.", "thinker.lm_head.", {"thinker.audio_tower.", "thinker.visual."}};
  }
  static constexpr std::array voice{"talker.", "code2wav."};
  static nlohmann::json text_config(nlohmann::json thinker);
};

/// Qwen3-ASR, whose code comes with the package qwen-asr and with Bridge (qwen3_asr/hf_qwen3_asr): ears in
/// front of Qwen3.
struct Qwen3ASRForConditionalGeneration : DecoderOfThinker<Qwen3ASRForConditionalGeneration, Qwen3Text> {
  static constexpr const char* class_name = "Qwen3ASRForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3ASRConfig";
  static constexpr const char* model_type = "qwen3_asr";
  static MultimodalNames names() { return {"thinker.model.", "thinker.lm_head.", {"thinker.audio_tower."}}; }
  static constexpr std::array<const char*, 0> voice{};
  static nlohmann::json text_config(nlohmann::json thinker);
};

}  // namespace mhub::qwen_omni
