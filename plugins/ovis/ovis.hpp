// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../qwen/texts.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::ovis {

/// Ovis2.5, whose code comes with it (AIDC-AI/Ovis, ovis/model/modeling_ovis.py; names as in mcore-bridge's
/// mm_gpts/qwen.py): "llm." is a model of texts of its own class, which "llm_config" describes; the visual
/// tokenizer and its table of embeddings are carried.
struct Ovis2_5 : DecoderOfMultimodal<Ovis2_5, Qwen3Text> {
  static constexpr const char* class_name = "Ovis2_5";
  static constexpr const char* config_class = "Ovis2_5_Config";
  static constexpr const char* model_type = "ovis2_5";
  static MultimodalNames names() {
    return {"llm.model.", "llm.lm_head.", {"visual_tokenizer.", "vte."}, "llm_config"};
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
};

}  // namespace mhub::ovis
