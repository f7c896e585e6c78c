// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::exaone {

/// What transformers' Exaone4Config and ExaoneMoeConfig have in common: norms on the heads of q and k. Where
/// layers have a window, the others do not rotate.
struct ExaoneConfig : DecoderConfig {
  WindowConfig window{4096, {}};

  ExaoneConfig();
  void bind(ConfigBinding& b);
};

/// transformers' Exaone4Config. Its prediction block is EXAONE 4.5's.
struct Exaone4Config : ExaoneConfig {
  std::int64_t num_nextn_predict_layers = 0;

  void bind(ConfigBinding& b);
};

/// EXAONE 4: norms behind attention and MLP alone.
struct Exaone4ForCausalLM {
  using Config = Exaone4Config;
  static constexpr const char* class_name = "Exaone4ForCausalLM";
  static constexpr const char* config_class = "Exaone4Config";
  static constexpr const char* model_type = "exaone4";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Exaone4Config& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors);
};

/// EXAONE 4.5: EXAONE 4's decoder with a prediction block goes to Megatron, the tower is carried. Texts and
/// pictures have plain positions (modeling_exaone4_5.py, Exaone4_5_Model). Names are those of
/// Megatron-Bridge's exaone45_bridge.py, too.
struct Exaone4_5_ForConditionalGeneration
    : DecoderOfMultimodal<Exaone4_5_ForConditionalGeneration, Exaone4ForCausalLM> {
  static constexpr const char* class_name = "Exaone4_5_ForConditionalGeneration";
  static constexpr const char* config_class = "Exaone4_5_Config";
  static constexpr const char* model_type = "exaone4_5";
  static MultimodalNames names() { return {"model.language_model.", "lm_head.", {"model.visual."}}; }
  static nlohmann::json decoder_config(const nlohmann::json& whole);
};

/// transformers' ExaoneMoeConfig.
struct ExaoneMoeConfig : ExaoneConfig {
  std::int64_t num_experts = 64, num_experts_per_tok = 8, moe_intermediate_size = 1024;
  std::optional<std::int64_t> num_shared_experts = 1, n_group = 1, topk_group = 1;
  std::int64_t first_k_dense_replace = 1, num_nextn_predict_layers = 0;
  double routed_scaling_factor = 2.5;

  void bind(ConfigBinding& b);
};

/// K-EXAONE: norms in front of attention and MLP, experts behind a sigmoid router, one prediction block with
/// a dense MLP.
struct ExaoneMoeForCausalLM {
  using Config = ExaoneMoeConfig;
  static constexpr const char* class_name = "ExaoneMoeForCausalLM";
  static constexpr const char* config_class = "ExaoneMoeConfig";
  static constexpr const char* model_type = "exaone_moe";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.exaone.exaone_moe.exaone_moe_provider.ExaoneMoeModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const ExaoneMoeConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors);
};

}  // namespace mhub::exaone
