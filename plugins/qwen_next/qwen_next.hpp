// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::qwen_next {

/// What these configs of transformers have in common: linear attention in most layers, a gate on the output
/// of the others' attention, zero-centred norms, a quarter of each head rotates.
struct QwenNextConfig : DecoderConfig {
  LinearAttentionFields linear;
  DeltaProjections projections = DeltaProjections::separate;  ///< how linear attention's are stored
  std::int64_t mtp_num_hidden_layers = 0;  ///< multi-token prediction; transformers has none

  QwenNextConfig();
  void bind(ConfigBinding& b);
};

/// With experts in its layers, one of which is shared and gated.
struct QwenNextMoeConfig : QwenNextConfig {
  std::int64_t num_experts = 512, num_experts_per_tok = 10, moe_intermediate_size = 512;
  std::int64_t shared_expert_intermediate_size = 512;
  double router_aux_loss_coef = 0.001;

  void bind(ConfigBinding& b);
};

struct Qwen3NextConfig : QwenNextMoeConfig {
  std::int64_t decoder_sparse_step = 1;
  std::vector<std::int64_t> mlp_only_layers;
  bool norm_topk_prob = true;

  Qwen3NextConfig() { projections = DeltaProjections::grouped; }
  void bind(ConfigBinding& b);
};

/// What the model classes have in common.
struct QwenNextModel {
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static Mapping mapping(const QwenNextConfig& config, const TransformerConfig& megatron);
  /// Tells from the tensors whether the block for multi-token prediction is there: transformers drops it when
  /// it saves a model, and Qwen3-Next's config.json does not mention it.
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors);
};

/// Qwen3-Next.
struct Qwen3NextForCausalLM : QwenNextModel {
  using Config = Qwen3NextConfig;
  static constexpr const char* class_name = "Qwen3NextForCausalLM";
  static constexpr const char* config_class = "Qwen3NextConfig";
  static constexpr const char* model_type = "qwen3_next";
};

struct Qwen3_5TextConfig : QwenNextConfig {
  Qwen3_5TextConfig();
};

/// Qwen3.5 and 3.6 without the vision tower, dense.
struct Qwen3_5ForCausalLM : QwenNextModel {
  using Config = Qwen3_5TextConfig;
  static constexpr const char* class_name = "Qwen3_5ForCausalLM";
  static constexpr const char* config_class = "Qwen3_5TextConfig";
  static constexpr const char* model_type = "qwen3_5_text";
};

struct Qwen3_5MoeTextConfig : QwenNextMoeConfig {
  Qwen3_5MoeTextConfig();
};

/// The same with experts in every layer.
struct Qwen3_5MoeForCausalLM : QwenNextModel {
  using Config = Qwen3_5MoeTextConfig;
  static constexpr const char* class_name = "Qwen3_5MoeForCausalLM";
  static constexpr const char* config_class = "Qwen3_5MoeTextConfig";
  static constexpr const char* model_type = "qwen3_5_moe_text";
};

/// Names of the models with images.
inline MultimodalNames visual_names() {
  return {.model = "model.language_model.", .head = "lm_head.", .others = {"model.visual."}};
}

/// Qwen3.5 and 3.6 as published, with their tower: the decoder goes to Megatron, the rest is carried. Of
/// multi-axis rotary positions, texts have the same on every axis, which is plain rotation.
struct Qwen3_5ForConditionalGeneration
    : WholeMultimodal<Qwen3_5ForConditionalGeneration, Qwen3_5ForCausalLM> {
  static constexpr const char* class_name = "Qwen3_5ForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3_5Config";
  static constexpr const char* model_type = "qwen3_5";
  static MultimodalNames names() { return visual_names(); }
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.qwen_vl.qwen35_vl_provider.Qwen35VLModelProvider";
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

/// The same with experts.
struct Qwen3_5MoeForConditionalGeneration
    : WholeMultimodal<Qwen3_5MoeForConditionalGeneration, Qwen3_5MoeForCausalLM> {
  static constexpr const char* class_name = "Qwen3_5MoeForConditionalGeneration";
  static constexpr const char* config_class = "Qwen3_5MoeConfig";
  static constexpr const char* model_type = "qwen3_5_moe";
  static MultimodalNames names() { return visual_names(); }
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.qwen_vl.qwen35_vl_provider.Qwen35VLMoEModelProvider";
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::qwen_next
