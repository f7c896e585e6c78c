// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/config/decoder_config.hpp"
#include "mhub/plugin/plugin.hpp"

namespace mhub::mimo {

/// MiMoV2FlashConfig of the model's own code (XiaomiMiMo/MiMo-V2-Flash) and of transformers, which call the
/// same things differently: either is read, and both are written.
struct MiMoV2FlashConfig : DecoderConfig {
  std::int64_t v_head_dim = 128;
  std::int64_t swa_num_key_value_heads = 0;  ///< 0 only until read: twice num_key_value_heads
  std::optional<double> attention_value_scale = 0.707;
  std::int64_t n_routed_experts = 256, num_experts_per_tok = 8, moe_intermediate_size = 2048;
  std::optional<std::int64_t> n_group = 1, topk_group = 1;
  std::optional<double> routed_scaling_factor;
  std::vector<std::int64_t> moe_layers;  ///< 1: experts, 0: a dense MLP; empty only until read
  /// Blocks that predict further tokens. No config counts them, the tensors do.
  std::int64_t num_nextn_predict_layers = 0;
  WindowConfig window{129, {}};  ///< `layers` is empty only until read

  MiMoV2FlashConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_positions(ConfigBinding& b);
  void bind_windows(ConfigBinding& b);
  void bind_heads(ConfigBinding& b);
  void bind_experts(ConfigBinding& b);
};

/// MiMo-V2-Flash: heads of values that are smaller than those of keys; layers with a window, which have sinks
/// and more heads of keys, and layers without; experts chosen by DeepSeek-V3's router; prediction blocks that
/// attend to a window and have a dense MLP.
struct MiMoV2FlashForCausalLM {
  using Config = MiMoV2FlashConfig;
  static constexpr const char* class_name = "MiMoV2FlashForCausalLM";
  static constexpr const char* config_class = "MiMoV2FlashConfig";
  static constexpr const char* model_type = "mimo_v2_flash";
  static constexpr const char* tokenizer_class = "Qwen2TokenizerFast";
  static constexpr const char* bridge_provider =
      "megatron.bridge.models.mimo_v2_flash.mimo_v2_flash_provider.MiMoV2FlashModelProvider";
  static void bridge_fields(FieldBinding& f, TransformerConfig& megatron);
  static Mapping mapping(const MiMoV2FlashConfig& config, const TransformerConfig& megatron);
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors);
};

}  // namespace mhub::mimo
