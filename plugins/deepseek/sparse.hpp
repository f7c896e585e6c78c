// SPDX-License-Identifier: Apache-2.0
// Models whose latent attention is sparse.
#pragma once

#include "deepseek.hpp"

namespace mhub::deepseek {

/// transformers' DeepseekV32Config.
struct DeepseekV32Config : DeepseekV3Config {
  std::int64_t index_n_heads = 64, index_head_dim = 128, index_topk = 2048;

  DeepseekV32Config();
  void bind(ConfigBinding& b);

 protected:
  /// `interleaved`: the indexer pairs neighbours.
  void bind_indexer(ConfigBinding& b, bool interleaved);
};

/// DeepSeek-V3.2 and V3.2-Exp: DeepSeek-V3 with an indexer.
struct DeepseekV32ForCausalLM : DeepseekV3Model {
  using Config = DeepseekV32Config;
  static constexpr const char* class_name = "DeepseekV32ForCausalLM";
  static constexpr const char* config_class = "DeepseekV32Config";
  static constexpr const char* model_type = "deepseek_v32";
  static constexpr const char* tokenizer_class = "LlamaTokenizerFast";
};

/// transformers' GlmMoeDsaConfig.
struct GlmMoeDsaConfig : DeepseekV32Config {
  /// Which layers share what the one before them chose: Megatron's topk_freq and skip_topk_offset.
  std::int64_t index_topk_freq = 1, index_skip_topk_offset = 2;

  GlmMoeDsaConfig();
  void bind(ConfigBinding& b);

 private:
  void bind_sharing(ConfigBinding& b);
  void take_schedule(ConfigBinding& b, const std::vector<std::int64_t>& shares);
};

/// GLM-5, 5.1, 5.2.
struct GlmMoeDsaForCausalLM : DeepseekV3Model {
  using Config = GlmMoeDsaConfig;
  static constexpr const char* class_name = "GlmMoeDsaForCausalLM";
  static constexpr const char* config_class = "GlmMoeDsaConfig";
  static constexpr const char* model_type = "glm_moe_dsa";
  static constexpr const char* tokenizer_class = "PreTrainedTokenizerFast";
};

}  // namespace mhub::deepseek
