// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"

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

}  // namespace mhub::nemotron_h
