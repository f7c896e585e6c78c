// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "llama.hpp"

namespace mhub::llama {

/// NVIDIA's DeciLMConfig (configuration_decilm.py, which comes with the model) and, older, Deci's:
/// LlamaConfig with sizes of its own for each layer.
struct DeciLMConfig : LlamaConfig {
  HeterogeneousConfig sizes;

  void bind(ConfigBinding& b);
};

/// Llama-Nemotron Super 49B, Ultra 253B and 51B, DeciLM 7B: Llama's tensors in layers whose attention and MLP
/// were searched for: of any size, missing, or one linear layer.
struct DeciLMForCausalLM {
  using Config = DeciLMConfig;
  static constexpr const char* class_name = "DeciLMForCausalLM";
  static constexpr const char* config_class = "DeciLMConfig";
  static constexpr const char* model_type = "nemotron-nas";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.llama_nemotron.llama_nemotron_provider.LlamaNemotronHeterogeneousProvider";
  /// The provider has no field that its bases have not.
  static void bridge_fields(FieldBinding&, TransformerConfig&) {}
  static Mapping mapping(const DeciLMConfig& config, const TransformerConfig& megatron);
};

}  // namespace mhub::llama
