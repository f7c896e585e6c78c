#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mhub {

/// Rotary position scaling as a Hugging Face config states it (transformers' modeling_rope_utils.py). Fields
/// that a kind does not use stay at their defaults.
struct RopeScaling {
  std::string type = "default";  ///< default, linear, dynamic, llama3, yarn, longrope
  double factor = 1.0;
  double low_freq_factor = 1.0;                          ///< llama3
  double high_freq_factor = 4.0;                         ///< llama3
  std::int64_t original_max_position_embeddings = 8192;  ///< llama3, yarn, longrope
  double beta_fast = 32.0, beta_slow = 1.0;              ///< yarn
  std::optional<double> attention_factor;                ///< yarn, longrope
  std::optional<double> mscale, mscale_all_dim;          ///< yarn as DeepSeek states it
  bool truncate = true;  ///< yarn: round the correction range to whole dimensions
};

/// What Megatron needs to know to build the model: the fields carry Megatron-Core's TransformerConfig /
/// GPTModel names. An architecture's plugin fills it from config.json; the writers of `args` (Megatron-LM)
/// and `run_config.yaml` (Megatron-Bridge) and the runtime read it. Every field that changes the mathematics
/// is here.
struct TransformerConfig {
  std::int64_t num_layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t ffn_hidden_size = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_query_groups = 0;  ///< equals num_attention_heads without grouped queries
  std::int64_t kv_channels = 0;       ///< head dimension
  std::int64_t vocab_size = 0;        ///< rows of the embedding before padding
  std::int64_t max_position_embeddings = 0;

  std::string position_embedding_type = "rope";  ///< rope, learned_absolute, none
  double rotary_base = 10000.0;
  double rotary_percent = 1.0;
  bool rotary_interleaved = false;
  RopeScaling rope_scaling;

  std::string normalization = "RMSNorm";  ///< RMSNorm, LayerNorm
  double layernorm_epsilon = 1e-5;
  bool layernorm_zero_centered_gamma = false;
  std::string activation = "silu";  ///< as HF names it: silu, gelu, gelu_pytorch_tanh, relu2, ...
  bool gated_linear_unit = true;
  bool add_bias_linear = false;  ///< biases on linear_proj, linear_fc1, linear_fc2 (and qkv)
  bool add_qkv_bias = false;     ///< bias on linear_qkv alone
  bool qk_layernorm = false;
  bool share_embeddings_and_output_weights = false;
  std::optional<std::int64_t> sliding_window;  ///< tokens a query sees, itself included (HF's sliding_window)

  double attention_dropout = 0.0;
  double hidden_dropout = 0.0;
  double init_method_std = 0.02;
};

}  // namespace mhub
