// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::gemma {

/// transformers' GemmaConfig.
struct GemmaConfig : DecoderConfig {
  GemmaConfig();
  /// The sizes of a Gemma; what all have in common is added.
  explicit GemmaConfig(const DecoderConfig& sizes);
  void bind(ConfigBinding& b);
  /// What all Gemmas have in common. `activation` is the JSON key.
  void bind(ConfigBinding& b, const std::string& activation);
};

/// Gemma 1: embeddings times sqrt(hidden_size), norm weights stored minus one, gated tanh GELU, tied head.
struct GemmaForCausalLM {
  using Config = GemmaConfig;
  static constexpr const char* class_name = "GemmaForCausalLM";
  static constexpr const char* config_class = "GemmaConfig";
  static constexpr const char* model_type = "gemma";
  static constexpr const char* tokenizer_class = "GemmaTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma.gemma_provider.GemmaModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const GemmaConfig& config, const TransformerConfig& megatron);
};

/// transformers' Gemma2Config.
struct Gemma2Config : GemmaConfig {
  std::int64_t query_pre_attn_scalar = 256;
  std::optional<double> attn_logit_softcapping = 50.0, final_logit_softcapping = 30.0;
  WindowConfig window{4096, {}};
  std::int64_t sliding_window_pattern = 2;  ///< every so many layers, one attends to everything

  Gemma2Config();
  void bind(ConfigBinding& b);
};

/// Gemma 2: norms behind attention and MLP too, capped logits, a window in every other layer.
struct Gemma2ForCausalLM {
  using Config = Gemma2Config;
  static constexpr const char* class_name = "Gemma2ForCausalLM";
  static constexpr const char* config_class = "Gemma2Config";
  static constexpr const char* model_type = "gemma2";
  static constexpr const char* tokenizer_class = "GemmaTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma.gemma2_provider.Gemma2ModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const Gemma2Config& config, const TransformerConfig& megatron);
};

/// transformers' Gemma3TextConfig.
struct Gemma3TextConfig : Gemma2Config {
  Gemma3TextConfig();
  void bind(ConfigBinding& b);
};

/// Gemma 3 without its vision tower: norms on q and k, a window and a rotary base of their own in five layers
/// of six.
struct Gemma3ForCausalLM {
  using Config = Gemma3TextConfig;
  static constexpr const char* class_name = "Gemma3ForCausalLM";
  static constexpr const char* config_class = "Gemma3TextConfig";
  static constexpr const char* model_type = "gemma3_text";
  static constexpr const char* tokenizer_class = "GemmaTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma.gemma3_provider.Gemma3ModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const Gemma3TextConfig& config, const TransformerConfig& megatron);
};

/// Gemma 3 as published from 4B on, with SigLIP's tower, which Gemma3VLModel takes from transformers, and a
/// projector of Megatron's modules.
struct Gemma3ForConditionalGeneration : WholeMultimodal<Gemma3ForConditionalGeneration, Gemma3ForCausalLM> {
  static constexpr const char* class_name = "Gemma3ForConditionalGeneration";
  static constexpr const char* config_class = "Gemma3Config";
  static constexpr const char* model_type = "gemma3";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma_vl.gemma3_vl_provider.Gemma3VLModelProvider";
  static MultimodalNames names();
  static ProviderNames provider();
  static Mapping parts(const Config& config, const ConfigReader& json);
  static WholeModel whole(const Config& config, const ConfigReader& json);
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::gemma
