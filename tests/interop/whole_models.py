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

# name: (class, config, element type); Bridge makes every Gemma 3 bfloat16 (gemma3_vl_bridge.py)
MODELS = {
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", lambda: T.Qwen2_5_VLConfig(text_config=WIDE, vision_config=dict(VISUAL, out_hidden_size=512, fullatt_block_indexes=[1]), tie_word_embeddings=False), "float32"),
    "qwen2_5_vl_tied": ("Qwen2_5_VLForConditionalGeneration", lambda: T.Qwen2_5_VLConfig(text_config=WIDE, vision_config=dict(VISUAL, out_hidden_size=512), tie_word_embeddings=True), "float32"),
    "gemma3": ("Gemma3ForConditionalGeneration", lambda: T.Gemma3Config(text_config=dict(TEXT, num_hidden_layers=8, sliding_window=8, query_pre_attn_scalar=16), vision_config=SIGLIP, mm_tokens_per_image=4), "bfloat16"),
    "qwen3_vl": ("Qwen3VLForConditionalGeneration", lambda: T.Qwen3VLConfig(text_config=INTERLEAVED, vision_config=DEEP, tie_word_embeddings=False), "float32"),
    "qwen3_vl_moe": ("Qwen3VLMoeForConditionalGeneration", lambda: T.Qwen3VLMoeConfig(text_config=dict(INTERLEAVED, **EXPERTS), vision_config=DEEP, tie_word_embeddings=False), "float32"),
    "qwen3_5": ("Qwen3_5ForConditionalGeneration", lambda: T.Qwen3_5Config(text_config=DELTA, vision_config=SQUARE, tie_word_embeddings=False), "float32"),
    "qwen3_5_mtp": ("Qwen3_5ForConditionalGeneration", lambda: T.Qwen3_5Config(text_config=dict(DELTA, mtp_num_hidden_layers=1), vision_config=SQUARE, tie_word_embeddings=True), "float32"),
    "qwen3_5_moe": ("Qwen3_5MoeForConditionalGeneration", lambda: T.Qwen3_5MoeConfig(text_config=dict(DELTA, **EXPERTS, shared_expert_intermediate_size=40), vision_config=SQUARE, tie_word_embeddings=False), "float32"),
}
