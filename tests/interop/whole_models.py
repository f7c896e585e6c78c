# SPDX-License-Identifier: Apache-2.0
"""Tiny random models of which Megatron-Bridge has a model of the whole, tower and all."""

import transformers as T

TEXT = dict(vocab_size=203, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4, head_dim=16, max_position_embeddings=96, pad_token_id=0, bos_token_id=1, eos_token_id=2)
SIGLIP = dict(hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=7, model_type="siglip_vision_model", vision_use_head=False)
VISUAL = dict(depth=3, hidden_size=32, intermediate_size=40, num_heads=4, out_hidden_size=64, patch_size=4)
SQUARE = dict(VISUAL, num_position_embeddings=16)
DEEP = dict(SQUARE, deepstack_visual_indexes=[0, 2])
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
DELTA = dict(TEXT, linear_num_key_heads=4, linear_num_value_heads=8, linear_key_head_dim=8, linear_value_head_dim=8, rope_parameters={"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0], "mrope_interleaved": True})
# Bridge gives every Qwen2.5-VL the sections of the published ones (qwen25_vl_provider.py), so the heads here are as wide.
WIDE = dict({key: value for key, value in TEXT.items() if key != "head_dim"}, hidden_size=512, num_attention_heads=4, num_key_value_heads=2, rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]})
INTERLEAVED = dict(TEXT, rope_parameters={"rope_type": "default", "rope_theta": 5e6, "mrope_section": [4, 2, 2], "mrope_interleaved": True})

# Bridge's dense provider does not pad the vocabulary when it imports.
GEMMA4 = dict(TEXT, vocab_size=256, num_key_value_heads=8, global_head_dim=32, num_global_key_value_heads=4, attention_k_eq_v=True, sliding_window=8, hidden_size_per_layer_input=0,
              final_logit_softcapping=3.0, use_bidirectional_attention="vision", layer_types=["sliding_attention", "full_attention"] * 2)
GEMMA4_SMALL = dict(GEMMA4, num_key_value_heads=4, attention_k_eq_v=False, num_kv_shared_layers=2, use_double_wide_mlp=True, hidden_size_per_layer_input=8, vocab_size_per_layer_input=256)
GEMMA4_VISION = dict(hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, head_dim=8, patch_size=4, position_embedding_size=64, standardize=True)

# Endings of keys whose bits nobody reads, and Bridge has others: norms of keys that a layer takes from another one.
UNREAD = {"gemma4_small": "k_layernorm.weight"}

# name: (class, config, element type); Bridge makes every Gemma 3 bfloat16 (gemma3_vl_bridge.py), and no Gemma 4 with experts
MODELS = {
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", lambda: T.Qwen2_5_VLConfig(text_config=WIDE, vision_config=dict(VISUAL, out_hidden_size=512, fullatt_block_indexes=[1]), tie_word_embeddings=False), "float32"),
    "qwen2_5_vl_tied": ("Qwen2_5_VLForConditionalGeneration", lambda: T.Qwen2_5_VLConfig(text_config=WIDE, vision_config=dict(VISUAL, out_hidden_size=512), tie_word_embeddings=True), "float32"),
    "gemma3": ("Gemma3ForConditionalGeneration", lambda: T.Gemma3Config(text_config=dict(TEXT, num_hidden_layers=8, sliding_window=8, query_pre_attn_scalar=16), vision_config=SIGLIP, mm_tokens_per_image=4), "bfloat16"),
    "gemma4": ("Gemma4ForConditionalGeneration", lambda: T.Gemma4Config(text_config=GEMMA4, vision_config=GEMMA4_VISION), "bfloat16"),
    "gemma4_moe": ("Gemma4ForConditionalGeneration", lambda: T.Gemma4Config(text_config=dict(GEMMA4, enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=24), vision_config=GEMMA4_VISION), "float32"),
    "gemma4_small": ("Gemma4ForConditionalGeneration", lambda: T.Gemma4Config(text_config=GEMMA4_SMALL, vision_config=GEMMA4_VISION, audio_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, output_proj_dims=48)), "bfloat16"),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", lambda: T.Qwen3VLConfig(text_config=INTERLEAVED, vision_config=DEEP, tie_word_embeddings=False), "float32"),
    "qwen3_vl_moe": ("Qwen3VLMoeForConditionalGeneration", lambda: T.Qwen3VLMoeConfig(text_config=dict(INTERLEAVED, **EXPERTS), vision_config=DEEP, tie_word_embeddings=False), "float32"),
    "qwen3_5": ("Qwen3_5ForConditionalGeneration", lambda: T.Qwen3_5Config(text_config=DELTA, vision_config=SQUARE, tie_word_embeddings=False), "float32"),
    "qwen3_5_mtp": ("Qwen3_5ForConditionalGeneration", lambda: T.Qwen3_5Config(text_config=dict(DELTA, mtp_num_hidden_layers=1), vision_config=SQUARE, tie_word_embeddings=True), "float32"),
    "qwen3_5_moe": ("Qwen3_5MoeForConditionalGeneration", lambda: T.Qwen3_5MoeConfig(text_config=dict(DELTA, **EXPERTS, shared_expert_intermediate_size=40), vision_config=SQUARE, tie_word_embeddings=False), "float32"),
}
