// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::gemma {

/// transformers' Gemma4TextConfig.
struct Gemma4TextConfig : DecoderConfig {
  std::optional<double> final_logit_softcapping;
  WindowConfig window{512, {}};
  /// Of layers without a window; the other sizes are those of layers with one.
  std::int64_t global_head_dim = 512;
  std::optional<std::int64_t> num_global_key_value_heads;  ///< where attention_k_eq_v
  bool attention_k_eq_v = false;                           ///< layers without a window project no values
  bool enable_moe_block = false;  ///< experts beside each MLP, which is a shared expert to Megatron
  std::optional<std::int64_t> num_experts, top_k_experts, moe_intermediate_size;
  /// Of embeddings for each layer; 0: none.
  std::int64_t hidden_size_per_layer_input = 256, vocab_size_per_layer_input = 262144;
  std::int64_t num_kv_shared_layers = 0;  ///< last layers that take keys and values from one before them
  bool use_double_wide_mlp = false;       ///< in those
  /// They have projections of keys and values all the same, as the published files do; transformers leaves
  /// them out (modeling_gemma4.py, _keys_to_ignore_on_load_unexpected). No config says so, their names do.
  bool stored_kv_shared_layers = false;
  /// "vision": the tokens of a picture see each other, which nothing else sees.
  std::optional<std::string> use_bidirectional_attention;

  Gemma4TextConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_attention(ConfigBinding& b);
  void read_layers(const ConfigReader& json);
  void bind_experts(ConfigBinding& b);
  void bind_small(ConfigBinding& b);
};

/// Gemma 4 without its towers. Layers with a window and layers without one differ in the size and number of
/// their heads; there are norms behind attention and MLP and a norm without weights on values, a number
/// behind each layer and, in some models, experts beside each MLP. The smallest ones have embeddings for each
/// layer, and last layers that take keys and values from earlier ones.
struct Gemma4ForCausalLM {
  using Config = Gemma4TextConfig;
  static constexpr const char* class_name = "Gemma4ForCausalLM";
  static constexpr const char* config_class = "Gemma4TextConfig";
  static constexpr const char* model_type = "gemma4_text";
  static constexpr const char* tokenizer_class = "GemmaTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma.gemma4_provider.Gemma4DenseProvider";
  /// That of models with experts.
  static constexpr const char* other_provider =
      "megatron.bridge.models.gemma.gemma4_provider.Gemma4ModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const Gemma4TextConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors);
};

/// Gemma 4 as published, with what sees and, in the smallest models, hears, which Gemma4VLModel takes from
/// transformers.
struct Gemma4ForConditionalGeneration : WholeMultimodal<Gemma4ForConditionalGeneration, Gemma4ForCausalLM> {
  struct Config : Base::Config {
    std::vector<std::string> towers{"vision"};  ///< "vision", "audio": those that there are
    void bind(ConfigBinding& b);
  };
  static constexpr const char* class_name = "Gemma4ForConditionalGeneration";
  static constexpr const char* config_class = "Gemma4Config";
  static constexpr const char* model_type = "gemma4";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.gemma_vl.gemma4_vl_provider.Gemma4DenseVLProvider";
  static constexpr const char* other_provider =
      "megatron.bridge.models.gemma_vl.gemma4_vl_provider.Gemma4VLModelProvider";
  static MultimodalNames names() {
    return {.model = "model.language_model.", .head = "lm_head.", .others = {}};
  }
  static ProviderNames provider();
  static Mapping mapping(const Config& config, const TransformerConfig& megatron);
  static Mapping parts(const Config& config, const ConfigReader& json);
  static WholeModel whole(const Config& config, const ConfigReader& json);
};

}  // namespace mhub::gemma
