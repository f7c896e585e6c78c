# SPDX-License-Identifier: Apache-2.0
"""The tiny models of multimodal_check.py.

name: (class, config, class of the decoder, options). `spec` is what megatron-core needs, None where it cannot. A model whose
code comes with it, and not with transformers, has `remote`: transformers makes its decoder, as a model of its own class, and
`remote` puts that into a whole: config.json and tensors as they are published. `older` makes of a
model what it was published as before transformers changed names. `alone` is what the decoder's own class has other
defaults for, None for a field that it does not take. `head`: what the decoder's own class makes of logits, and transformers' class of the whole leaves out. `inside`: where a model
that also speaks has what understands texts, as an attribute and in config.json.
`memory`: False where what is carried has other names there.
"""

import numpy as np
import torch
import transformers

import omni_models
from arch_dense import rope
from arch_moe import HYBRID, nemotron_keys

TEXT = dict(vocab_size=203, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4, head_dim=16, max_position_embeddings=96, pad_token_id=0)
VISION = dict(hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, image_size=28, patch_size=7)
PIXTRAL = dict(VISION, model_type="pixtral", head_dim=8)
SIGLIP = dict(VISION, model_type="siglip_vision_model", vision_use_head=False)
DELTA = dict(TEXT, linear_num_key_heads=4, linear_num_value_heads=8, linear_key_head_dim=8, linear_value_head_dim=8)
VISUAL = dict(depth=2, hidden_size=32, intermediate_size=40, num_heads=4, out_hidden_size=64, patch_size=4)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, shared_expert_intermediate_size=40)
MROPE = {"rope_theta": 1e7, "partial_rotary_factor": 0.25, "rope_type": "default", "mrope_interleaved": True, "mrope_section": [1, 1, 0]}

# Of newer entries: fewer layers, and heads whose size follows from the rest.
SMALL = {key: value for key, value in dict(TEXT, num_hidden_layers=2).items() if key != "head_dim"}
GLM_ROPE = {"rope_theta": 1e4, "partial_rotary_factor": 0.5, "rope_type": "default", "mrope_section": [1, 1, 0]}
GLM_VISION = dict(VISUAL, image_size=28, patch_size=7)
GLM_MOE = dict(SMALL, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, routed_scaling_factor=2.5, rope_parameters=GLM_ROPE)
DEEPSEEK = dict(SMALL, num_key_value_heads=8, moe_intermediate_size=24, n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=1,
                kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=12)
QWEN3_MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24, head_dim=8)
GEMMA4 = dict(TEXT, num_key_value_heads=8, global_head_dim=32, num_global_key_value_heads=4, attention_k_eq_v=True, sliding_window=8, hidden_size_per_layer_input=0,
              final_logit_softcapping=3.0, use_bidirectional_attention="vision", layer_types=["sliding_attention", "full_attention"] * 2)
GEMMA4_SMALL = dict(GEMMA4, num_key_value_heads=4, attention_k_eq_v=False, num_global_key_value_heads=None, use_bidirectional_attention=None, num_kv_shared_layers=2,
                    use_double_wide_mlp=True, hidden_size_per_layer_input=8, vocab_size_per_layer_input=204)
GEMMA4_VISION = dict(hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, head_dim=8, patch_size=4, position_embedding_size=64, standardize=True)
RADIO = ["vision_model.radio_model.model.blocks.0.attn.qkv.weight", "mlp1.1.weight"]
PARAKEET = ["sound_encoder.encoder.layers.0.norm_out.weight", "sound_projection.linear1.weight"]
YARN = rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=24, mscale=0.7, mscale_all_dim=1.0, beta_fast=2.0, beta_slow=1.0)


def mistral(text=None, **fields):
    return transformers.Mistral3Config(text_config=dict(TEXT, model_type="mistral", **text or {}), vision_config=PIXTRAL, **fields)


def paligemma(text, **fields):
    return transformers.PaliGemmaConfig(text_config=dict(SMALL, head_dim=16, **text), vision_config=SIGLIP, projection_dim=64, image_token_index=201, **fields)


def idefics(kind):
    # What published ones have in text_config says nothing to transformers.
    text = dict(SMALL, model_type="llama", architectures=["VLlama3ForCausalLM"])
    return getattr(transformers, kind)(text_config=text, vision_config=VISION, image_token_id=200, pad_token_id=0)


def tower(names, seed=11):
    """Tensors of a part that nothing here runs."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(6, 5, generator=generator).to(torch.bfloat16) for name in names}


def remote(class_name, model_type, parts, text_key="text_config", **fields):
    def whole(config, state):
        text = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
        outer = {"architectures": [class_name], "model_type": model_type, text_key: text, "vision_config": {"model_type": "of_its_own"}, "tie_word_embeddings": False, **fields}
        return outer, {"language_model." + name: value for name, value in state.items()} | tower(parts)
    return whole


def nemotron_vl(class_name, parts, **fields):
    """Nemotron Nano VL and Omni: names as in Megatron-Bridge's nemotron_vl_bridge.py and nemotron_omni_bridge.py."""
    whole = remote(class_name, class_name, parts, "llm_config", **fields)
    return lambda config, state: whole(dict(config, architectures=["NemotronHForCausalLM"]), nemotron_keys(state))


def llava_onevision_15(config, state):
    """LLaVA-OneVision 1.5 (ds/llavaonevision1_5 of EvolvingLMMs-Lab/LLaVA-OneVision-1.5): Qwen2-VL's names."""
    text = dict(config, model_type="LLaVAOneVision1_5_text", rope_theta=config["rope_parameters"]["rope_theta"], rope_scaling=None)
    for key in ("rope_parameters", "architectures", "transformers_version"):
        text.pop(key)
    outer = {"architectures": ["LLaVAOneVision1_5_ForConditionalGeneration"], "model_type": "llavaonevision1_5", "text_config": text, "vision_config": {"model_type": "rice_vit"}}
    return outer, state | tower(["visual.patch_embed.proj.weight", "visual.merger.ln_q.weight"])


def ovis(config, state):
    """Ovis2.5 (ovis/model/modeling_ovis.py of AIDC-AI/Ovis)."""
    config = dict(config, rope_theta=config["rope_parameters"]["rope_theta"])
    config.pop("rope_parameters")
    outer = {"architectures": ["Ovis2_5"], "model_type": "ovis2_5", "hidden_size": 64, "visual_vocab_size": 65536, "llm_config": config, "vit_config": {"model_type": "siglip2_navit"}}
    return outer, {"llm." + name: value for name, value in state.items()} | tower(["visual_tokenizer.vit.vision_model.post_layernorm.weight", "visual_tokenizer.head.0.weight", "vte.weight"])


def with_vision_model(config, state):
    """Towers of CLIP and SigLIP as transformers had them before 5.6."""
    return config, {name.replace("vision_tower.", "vision_tower.vision_model."): value for name, value in state.items()}


def exaone_older(config, state):
    """EXAONE 4.5's first config.json."""
    text = config["text_config"]
    text.update(model_type="exaone4_5_text", rope_scaling=text.pop("rope_parameters"))
    return config, state


def without_text_config(config, state):
    """GLM-4.1V's first config.json."""
    flat = {**config.pop("text_config"), **config}
    parameters = flat.pop("rope_parameters")
    flat.update(rope_theta=parameters["rope_theta"], partial_rotary_factor=parameters["partial_rotary_factor"], rope_scaling={"type": "default", "mrope_section": parameters["mrope_section"]})
    return flat, state


MODELS = {
    "gemma3_4b": ("Gemma3ForConditionalGeneration", lambda: transformers.Gemma3Config(text_config=dict(TEXT, num_hidden_layers=8, sliding_window=8, query_pre_attn_scalar=16), vision_config=dict(VISION, model_type="siglip_vision_model"), mm_tokens_per_image=4), "Gemma3ForCausalLM", {"spec": "gemma3", "older": with_vision_model}),
    "gemma4_31b": ("Gemma4ForConditionalGeneration", lambda: transformers.Gemma4Config(text_config=GEMMA4, vision_config=GEMMA4_VISION), "Gemma4ForCausalLM", {}),
    "gemma4_26b": ("Gemma4ForConditionalGeneration", lambda: transformers.Gemma4Config(text_config=dict(GEMMA4, enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=24), vision_config=GEMMA4_VISION), "Gemma4ForCausalLM", {}),
    "gemma4_e2b": ("Gemma4ForConditionalGeneration", lambda: transformers.Gemma4Config(text_config=GEMMA4_SMALL, vision_config=GEMMA4_VISION, audio_config=dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, output_proj_dims=48)), "Gemma4ForCausalLM", {}),
    "mistral3": ("Mistral3ForConditionalGeneration", lambda: mistral(tie_word_embeddings=False), "MistralForCausalLM", {"core": True}),
    # What text_config says of the head is not what the model does: it ties them, as the outer config has it.
    "mistral3_tied": ("Mistral3ForConditionalGeneration", lambda: mistral(tie_word_embeddings=True), "MistralForCausalLM", {"core": True}),
    "ministral3_8b": ("Mistral3ForConditionalGeneration", lambda: transformers.Mistral3Config(text_config=dict(TEXT, model_type="ministral3"), vision_config=PIXTRAL, tie_word_embeddings=False), "Ministral3ForCausalLM", {"core": True}),
    "llama4_whole": ("Llama4ForConditionalGeneration", lambda: transformers.Llama4Config(text_config=dict(TEXT, intermediate_size_mlp=96, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=32), vision_config=dict(VISION, vision_output_dim=32, projector_input_dim=32, projector_output_dim=32)), "Llama4ForCausalLM", {}),
    "qwen3_5_whole": ("Qwen3_5ForConditionalGeneration", lambda: transformers.Qwen3_5Config(text_config=dict(DELTA, rope_parameters=MROPE), vision_config=VISUAL), "Qwen3_5ForCausalLM", {"mtp": "mtp_num_hidden_layers"}),
    "qwen3_5_moe_whole": ("Qwen3_5MoeForConditionalGeneration", lambda: transformers.Qwen3_5MoeConfig(text_config=dict(DELTA, **EXPERTS), vision_config=VISUAL, tie_word_embeddings=True), "Qwen3_5MoeForCausalLM", {}),
    "glm4v": ("Glm4vForConditionalGeneration", lambda: transformers.Glm4vConfig(text_config=dict(SMALL, rope_parameters=GLM_ROPE), vision_config=GLM_VISION), "Glm4ForCausalLM", {"older": without_text_config, "alone": {"head_dim": 8, "attention_bias": True}}),
    "glm4v_moe": ("Glm4vMoeForConditionalGeneration", lambda: transformers.Glm4vMoeConfig(text_config=GLM_MOE, vision_config=GLM_VISION), "Glm4MoeForCausalLM", {}),
    "glm46v": ("Glm46VForConditionalGeneration", lambda: transformers.Glm46VConfig(text_config=dict(GLM_MOE, model_type="glm4v_moe_text"), vision_config=dict(GLM_VISION, model_type="glm4v_moe_vision")), "Glm4MoeForCausalLM", {}),
    "internvl": ("InternVLForConditionalGeneration", lambda: transformers.InternVLConfig(text_config=dict(SMALL, model_type="qwen2"), vision_config=VISION, image_token_id=200, tie_word_embeddings=False), "Qwen2ForCausalLM", {}),
    "internvl_chat": ("Qwen2ForCausalLM", lambda: transformers.Qwen2Config(**SMALL), "Qwen2ForCausalLM", {"remote": remote("InternVLChatModel", "internvl_chat", ["vision_model.embeddings.class_embedding", "mlp1.0.weight"], "llm_config")}),
    "llava_onevision": ("LlavaOnevisionForConditionalGeneration", lambda: transformers.LlavaOnevisionConfig(text_config=dict(SMALL, model_type="qwen2"), vision_config=SIGLIP, image_token_index=200, image_grid_pinpoints=[[28, 56]]), "Qwen2ForCausalLM", {"older": with_vision_model}),
    "kimi_vl": ("DeepseekV3ForCausalLM", lambda: transformers.DeepseekV3Config(**dict(DEEPSEEK, q_lora_rank=None, n_shared_experts=2)), "DeepseekV3ForCausalLM", {"remote": remote("KimiVLForConditionalGeneration", "kimi_vl", ["vision_tower.patch_embed.proj.weight", "multi_modal_projector.linear_1.weight"])}),
    "kimi_k25": ("DeepseekV3ForCausalLM", lambda: transformers.DeepseekV3Config(**dict(DEEPSEEK, q_lora_rank=20, **YARN)), "DeepseekV3ForCausalLM", {"remote": remote("KimiK25ForConditionalGeneration", "kimi_k25", ["vision_tower.patch_embed.proj.weight", "mm_projector.proj.0.weight"])}),
    "paligemma": ("PaliGemmaForConditionalGeneration", lambda: paligemma({"model_type": "gemma"}), "GemmaForCausalLM", {"older": with_vision_model, "alone": {"use_bidirectional_attention": None}}),
    "paligemma2": ("PaliGemmaForConditionalGeneration", lambda: paligemma({"model_type": "gemma2", "sliding_window": 8, "query_pre_attn_scalar": 16}), "Gemma2ForCausalLM", {"older": with_vision_model, "alone": {"use_bidirectional_attention": None}, "head": lambda logits: 30 * np.tanh(logits / 30)}),
    "idefics3": ("Idefics3ForConditionalGeneration", lambda: idefics("Idefics3Config"), "LlamaForCausalLM", {}),
    "smolvlm": ("SmolVLMForConditionalGeneration", lambda: idefics("SmolVLMConfig"), "LlamaForCausalLM", {}),
    "aya_vision": ("AyaVisionForConditionalGeneration", lambda: transformers.AyaVisionConfig(text_config=dict(SMALL, model_type="cohere2", logit_scale=0.25, sliding_window=8), vision_config=SIGLIP, image_token_index=200), "Cohere2ForCausalLM", {"older": with_vision_model, "head": lambda logits: 0.25 * logits}),
    "cohere2_vision": ("Cohere2VisionForConditionalGeneration", lambda: transformers.Cohere2VisionConfig(text_config=dict(SMALL, model_type="cohere2", logit_scale=0.25, sliding_window=8), vision_config=SIGLIP, image_token_id=200, alignment_intermediate_size=48), "Cohere2ForCausalLM", {"older": with_vision_model, "head": lambda logits: 0.25 * logits}),
    "qwen2_audio": ("Qwen2AudioForConditionalGeneration", lambda: omni_models.audio(SMALL), "Qwen2ForCausalLM", {}),
    "qwen2_5_omni": ("Qwen2_5OmniForConditionalGeneration", lambda: omni_models.omni(SMALL, VISUAL), "Qwen2ForCausalLM", {"inside": "thinker"}),
    "qwen3_omni_moe": ("Qwen3OmniMoeForConditionalGeneration", lambda: omni_models.omni_moe(dict(SMALL, **QWEN3_MOE), VISUAL), "Qwen3MoeForCausalLM", {"inside": "thinker", "memory": False}),
    "qwen3_omni_silent": ("Qwen3OmniMoeForConditionalGeneration", lambda: omni_models.omni_moe(dict(SMALL, **QWEN3_MOE), VISUAL, enable_audio_output=False), "Qwen3MoeForCausalLM", {"inside": "thinker"}),
    "qwen3_asr": ("Qwen3ForCausalLM", lambda: transformers.Qwen3Config(**dict(SMALL, head_dim=8, tie_word_embeddings=True)), "Qwen3ForCausalLM", {"inside": "thinker", "remote": omni_models.asr(tower)}),
    "exaone4_5": ("Exaone4_5_ForConditionalGeneration", lambda: transformers.Exaone4_5_Config(text_config=dict(TEXT, model_type="exaone4", sliding_window=8, sliding_window_pattern=4, **rope(rope_theta=1e6, rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)), vision_config=dict(VISUAL, num_key_value_heads=2, fullatt_block_indexes=[1])), "Exaone4ForCausalLM", {"mtp": "num_nextn_predict_layers", "older": exaone_older}),
    "minicpmv4_6": ("MiniCPMV4_6ForConditionalGeneration", lambda: transformers.MiniCPMV4_6Config(text_config=dict(DELTA, model_type="qwen3_5_text", num_hidden_layers=4), vision_config=dict(VISION, insert_layer_id=0), insert_layer_id=0, image_token_id=200, video_token_id=201, tie_word_embeddings=True), "Qwen3_5ForCausalLM", {}),
    "llava_onevision1_5": ("Qwen3ForCausalLM", lambda: transformers.Qwen3Config(**dict(SMALL, head_dim=16)), "Qwen3ForCausalLM", {"remote": llava_onevision_15}),
    "ovis2_5": ("Qwen3ForCausalLM", lambda: transformers.Qwen3Config(**dict(SMALL, head_dim=16, tie_word_embeddings=True)), "Qwen3ForCausalLM", {"remote": ovis}),
    "nemotron_vl": ("NemotronHForCausalLM", lambda: transformers.NemotronHConfig(**dict(HYBRID, num_attention_heads=8, num_key_value_heads=4, layers_block_type=["mamba", "mlp", "mamba", "attention"], n_groups=4)), "NemotronHForCausalLM", {"remote": nemotron_vl("NemotronH_Nano_VL_V2", RADIO)}),
    "nemotron_omni": ("NemotronHForCausalLM", lambda: transformers.NemotronHConfig(**dict(HYBRID, num_attention_heads=8, num_key_value_heads=4, layers_block_type=["mamba", "moe", "mamba", "attention"], n_groups=4, n_routed_experts=4, moe_intermediate_size=24, moe_shared_expert_intermediate_size=40)), "NemotronHForCausalLM", {"remote": nemotron_vl("NemotronH_Nano_Omni_Reasoning_V3", RADIO + PARAKEET, sound_config={"model_type": "parakeet"})}),
}
NEW = tuple(MODELS)[list(MODELS).index("glm4v"):]
