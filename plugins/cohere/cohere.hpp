// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::cohere {

/// transformers' CohereConfig.
struct CohereConfig : DecoderConfig {
  double logit_scale = 0.0625;  ///< logits are multiplied by it
  bool use_qk_norm = false;     ///< a LayerNorm for the heads of q and of k, with a weight for each head

  CohereConfig();
  void bind(ConfigBinding& b);
};

/// Command R, Command R+, Aya 23: attention and MLP side by side behind one LayerNorm without bias, rotation
/// by pairs of neighbours.
struct CohereForCausalLM {
  using Config = CohereConfig;
  static constexpr const char* class_name = "CohereForCausalLM";
  static constexpr const char* config_class = "CohereConfig";
  static constexpr const char* model_type = "cohere";
  static constexpr const char* tokenizer_class = "CohereTokenizerFast";
  static Mapping mapping(const CohereConfig& config, const TransformerConfig& megatron);
};

/// transformers' Cohere2Config.
struct Cohere2Config : CohereConfig {
  WindowConfig window{4096, {}};
  std::int64_t sliding_window_pattern = 4;  ///< every so many layers, one attends to everything

  void bind(ConfigBinding& b);
};

/// Command R7B, Command A: Command R with a window in three layers of four; the others do not rotate.
struct Cohere2ForCausalLM {
  using Config = Cohere2Config;
  static constexpr const char* class_name = "Cohere2ForCausalLM";
  static constexpr const char* config_class = "Cohere2Config";
  static constexpr const char* model_type = "cohere2";
  static constexpr const char* tokenizer_class = "CohereTokenizerFast";
  static Mapping mapping(const Cohere2Config& config, const TransformerConfig& megatron);
};

// Of both, logits are multiplied by logit_scale as Command R7B's class does it; transformers' classes of the
// whole leave that out (modeling_aya_vision.py from 4.52 on, modeling_cohere2_vision.py).

/// Aya Vision, with SigLIP's tower: the decoder goes to Megatron, the rest is carried.
struct AyaVisionForConditionalGeneration
    : DecoderOfMultimodal<AyaVisionForConditionalGeneration, Cohere2ForCausalLM> {
  static constexpr const char* class_name = "AyaVisionForConditionalGeneration";
  static constexpr const char* config_class = "AyaVisionConfig";
  static constexpr const char* model_type = "aya_vision";
  static MultimodalNames names() {
    return {.others = {"vision_tower.vision_model.", "multi_modal_projector."}};
  }
};

/// Command A Vision: the same with another projector, and with the names that transformers has in memory.
struct Cohere2VisionForConditionalGeneration
    : DecoderOfMultimodal<Cohere2VisionForConditionalGeneration, Cohere2ForCausalLM> {
  static constexpr const char* class_name = "Cohere2VisionForConditionalGeneration";
  static constexpr const char* config_class = "Cohere2VisionConfig";
  static constexpr const char* model_type = "cohere2_vision";
  static MultimodalNames names() {
    return {"model.language_model.",
            "lm_head.",
            {"model.vision_tower.vision_model.", "model.multi_modal_projector."}};
  }
};

}  // namespace mhub::cohere
