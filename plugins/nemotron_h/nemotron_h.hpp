// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::nemotron_h {

/// transformers' NemotronHConfig and the configs of the published models before it.
struct NemotronHConfig : DecoderConfig {
  std::string hybrid_override_pattern;  ///< M Mamba-2, * attention, - MLP, E experts, one a layer
  MambaMixerConfig mixer;
  std::int64_t n_routed_experts = 8, num_experts_per_tok = 2, moe_intermediate_size = 7688;
  std::int64_t moe_shared_expert_intermediate_size = 7688;
  std::optional<std::int64_t> n_group = 1, topk_group = 1, moe_latent_size;
  double routed_scaling_factor = 1.0;
  std::int64_t num_nextn_predict_layers = 0;
  std::string mtp_hybrid_override_pattern = "*E";  ///< of the layers in a prediction block

  NemotronHConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_pattern(ConfigBinding& b);
  void bind_experts(ConfigBinding& b);
  void bind_blocks(ConfigBinding& b);
};

/// Nemotron-H, Nemotron Nano 2 and 3: one mixer a layer, without positions; Megatron's HybridModel.
struct NemotronHForCausalLM {
  using Config = NemotronHConfig;
  static constexpr const char* class_name = "NemotronHForCausalLM";
  static constexpr const char* config_class = "NemotronHConfig";
  static constexpr const char* model_type = "nemotron_h";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const NemotronHConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return with_separate_blocks(config, tensors, "num_nextn_predict_layers");
  }
};

nlohmann::json llm_config(const nlohmann::json& whole);
/// The decoder's mapping with the names that it has in a whole, which `hears` or does not.
Mapping vision_language(Mapping decoder, bool hears);

/// What Nemotron's models with eyes and ears have in common: the decoder is of "llm_config", and RADIO's
/// tower, Parakeet's encoder (where there is a "sound_config") and the projectors are carried. Names are
/// those of Megatron-Bridge's nemotron_vl_bridge.py and nemotron_omni_bridge.py; the code comes with the
/// models.
template <typename Self>
struct NemotronVL : DecoderOfMultimodal<Self, NemotronHForCausalLM> {
  using Base = DecoderOfMultimodal<Self, NemotronHForCausalLM>;
  struct Config : Base::Config {
    bool hears = false;

    void bind(ConfigBinding& b) {
      Base::Config::bind(b);
      if (b.reading()) hears = b.reader().has("sound_config");
    }
  };
  static MultimodalNames names() {
    return {"language_model.model.", "language_model.lm_head.", {"vision_model.", "mlp1."}, "llm_config"};
  }
  static nlohmann::json decoder_config(const nlohmann::json& whole) { return llm_config(whole); }
  static Mapping mapping(const Config& config, const TransformerConfig&) {
    return vision_language(multimodal_text_mapping(config, names()), config.hears);
  }
};

/// Nemotron Nano 12B v2 VL.
struct NemotronH_Nano_VL_V2 : NemotronVL<NemotronH_Nano_VL_V2> {
  static constexpr const char* class_name = "NemotronH_Nano_VL_V2";
  static constexpr const char* config_class = "NemotronH_Nano_VL_V2_Config";
  static constexpr const char* model_type = "NemotronH_Nano_VL_V2";
};

/// Nemotron 3 Nano Omni.
struct NemotronH_Nano_Omni_Reasoning_V3 : NemotronVL<NemotronH_Nano_Omni_Reasoning_V3> {
  static constexpr const char* class_name = "NemotronH_Nano_Omni_Reasoning_V3";
  static constexpr const char* config_class = "NemotronH_Nano_Omni_Reasoning_V3_Config";
  static constexpr const char* model_type = "NemotronH_Nano_Omni_Reasoning_V3";
};

}  // namespace mhub::nemotron_h
