# SPDX-License-Identifier: Apache-2.0
"""The largest published models, config.json without what no plugin reads), from their pages on the Hub."""

# meta-llama/Llama-3.1-405B
LLAMA_405B = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 16384, "intermediate_size": 53248,
    "max_position_embeddings": 131072, "num_attention_heads": 128, "num_hidden_layers": 126, "num_key_value_heads": 8, "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0, "tie_word_embeddings": False, "vocab_size": 128256,
    "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}}

# moonshotai/Kimi-K2-Instruct
KIMI_K2 = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "kimi_k2", "first_k_dense_replace": 1, "hidden_act": "silu", "hidden_size": 7168,
    "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 131072, "moe_intermediate_size": 2048, "moe_layer_freq": 1,
    "n_group": 1, "n_routed_experts": 384, "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 64, "num_experts_per_tok": 8,
    "num_hidden_layers": 61, "num_key_value_heads": 64, "num_nextn_predict_layers": 0, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "rms_norm_eps": 1e-6, "rope_theta": 50000.0, "routed_scaling_factor": 2.827, "scoring_func": "sigmoid",
    "tie_word_embeddings": False, "topk_group": 1, "topk_method": "noaux_tc", "v_head_dim": 128, "vocab_size": 163840,
    "rope_scaling": {"beta_fast": 1.0, "beta_slow": 1.0, "factor": 32.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                     "original_max_position_embeddings": 4096, "type": "yarn"}}

# meta-llama/Llama-4-Maverick-17B-128E, of which the text
MAVERICK = {
    "architectures": ["Llama4ForCausalLM"], "model_type": "llama4_text", "attention_bias": False, "attention_chunk_size": 8192,
    "attn_scale": 0.1, "attn_temperature_tuning": True, "floor_scale": 8192, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120,
    "interleave_moe_layer_step": 2, "intermediate_size": 8192, "intermediate_size_mlp": 16384, "max_position_embeddings": 1048576,
    "num_attention_heads": 40, "num_experts_per_tok": 1, "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 128,
    "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "tie_word_embeddings": False, "use_qk_norm": False, "vocab_size": 202048}

# nvidia/Nemotron-4-340B-Base, as transformers' NemotronConfig writes it
NEMOTRON_340B = {
    "architectures": ["NemotronForCausalLM"], "model_type": "nemotron", "head_dim": 192, "hidden_act": "relu2", "hidden_size": 18432,
    "intermediate_size": 73728, "max_position_embeddings": 4096, "norm_eps": 1e-5, "num_attention_heads": 96, "num_hidden_layers": 96,
    "num_key_value_heads": 8, "partial_rotary_factor": 0.5, "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 256000}

# Nobody published it: more layers of as many sizes than any model has.
MANY_SIZES = {
    "architectures": ["DeciLMForCausalLM"], "model_type": "nemotron-nas", "hidden_act": "silu", "hidden_size": 8192, "intermediate_size": None,
    "max_position_embeddings": 131072, "num_attention_heads": 64, "num_hidden_layers": 6000, "num_key_value_heads": None, "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0, "tie_word_embeddings": False, "vocab_size": 128256,
    "block_configs": [{"attention": {"n_heads_in_group": 8, "no_op": False, "replace_with_linear": False},
                       "ffn": {"ffn_mult": 0.01 + layer * 0.0005, "no_op": False, "replace_with_linear": False}} for layer in range(6000)]}

CONFIGS = [LLAMA_405B, KIMI_K2, MAVERICK, NEMOTRON_340B, MANY_SIZES]
