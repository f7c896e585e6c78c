// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::llama4 {

/// transformers' Llama4TextConfig. Layers without rotation see all tokens, the others a chunk of them.
struct Llama4TextConfig : DecoderConfig {
  std::int64_t intermediate_size_mlp = 16384;  ///< of dense layers; intermediate_size is an expert's
  std::int64_t num_local_experts = 16, num_experts_per_tok = 1, interleave_moe_layer_step = 1;
  std::vector<std::int64_t> moe_layers;  ///< their numbers
  double router_aux_loss_coef = 0.001;
  std::vector<std::int64_t> no_rope_layers;  ///< one a layer; 1, whatever the name says: it rotates
  std::optional<std::int64_t> attention_chunk_size = 8192;
  bool use_qk_norm = true, attn_temperature_tuning = true;
  std::int64_t floor_scale = 8192;
  double attn_scale = 0.1;

  Llama4TextConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_experts(ConfigBinding& b);
  void bind_attention(ConfigBinding& b);
};

/// Llama 4 (text): dense layers and layers of experts alternate; one expert a token, weighted by a sigmoid
/// before it computes, beside a shared one.
struct Llama4ForCausalLM {
  using Config = Llama4TextConfig;
  static constexpr const char* class_name = "Llama4ForCausalLM";
  static constexpr const char* config_class = "Llama4TextConfig";
  static constexpr const char* model_type = "llama4_text";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static Mapping mapping(const Llama4TextConfig& config, const TransformerConfig& megatron);
};

/// transformers' Llama4VisionConfig.
struct Llama4VisionConfig {
  std::int64_t hidden_size = 768, intermediate_size = 5632, num_hidden_layers = 34, num_attention_heads = 16;
  std::int64_t num_channels = 3, image_size = 448, patch_size = 14;
  double attention_dropout = 0.0;
  RotaryConfig rotary;

  void bind(ConfigBinding& b);
};

/// Llama 4's tower: a class token behind the patches, learned positions and rotation by rows and columns. It
/// is no model of Megatron-Core's but a part of the model below, for which it runs.
struct Llama4VisionModel {
  using Config = Llama4VisionConfig;
  static constexpr const char* class_name = "Llama4VisionModel";
  static constexpr const char* config_class = "Llama4VisionConfig";
  static constexpr const char* model_type = "llama4_vision_model";
  static constexpr const char* tokenizer_class = "";
  static constexpr bool partly_described = true;
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static TowerParts tower(const Config& config);
};

/// Llama 4 as published, with its tower: the decoder goes to Megatron, the rest is carried.
struct Llama4ForConditionalGeneration
    : DecoderOfMultimodal<Llama4ForConditionalGeneration, Llama4ForCausalLM> {
  static constexpr const char* class_name = "Llama4ForConditionalGeneration";
  static constexpr const char* config_class = "Llama4Config";
  static constexpr const char* model_type = "llama4";
  static MultimodalNames names() { return {.others = {"vision_model.", "multi_modal_projector."}}; }
  static VisionParts vision(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::llama4
