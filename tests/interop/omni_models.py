# SPDX-License-Identifier: Apache-2.0
"""Tiny configs of models that hear, for multimodal_models.py: ears, eyes and what speaks, none of which runs there."""

import transformers

EARS = dict(num_mel_bins=16, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=40, d_model=32, max_source_positions=30)
MROPE = {"rope_theta": 1e6, "rope_type": "default", "mrope_section": [2, 1, 1]}  # of heads of 8 numbers
WAVES = dict(upsample_initial_channel=16, resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3, 5]], upsample_rates=[2], upsample_kernel_sizes=[4], mel_dim=8)
DIFFUSION = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, head_dim=8, emb_dim=8, num_embeds=11, mel_dim=8, enc_emb_dim=8, enc_dim=8,
                 enc_channels=[8, 8, 8, 8, 24], enc_attention_channels=8, enc_se_channels=8)


def speaker(text):
    """Sizes of a decoder that speaks."""
    return dict(text, vocab_size=67, hidden_size=32, intermediate_size=40, num_attention_heads=4, num_key_value_heads=2, head_dim=8)


def audio(text):
    return transformers.Qwen2AudioConfig(text_config=dict(text, model_type="qwen2"), audio_config=EARS, audio_token_index=200)


def omni(text, vision):
    thinker = dict(vision_start_token_id=151652, text_config=dict(text, rope_parameters=MROPE), audio_config=dict(EARS, output_dim=64, n_window=4), vision_config=dict(vision, out_hidden_size=64, fullatt_block_indexes=[1]))
    return transformers.Qwen2_5OmniConfig(thinker_config=thinker, talker_config=dict(speaker(text), embedding_size=64, rope_parameters=MROPE),
                                          token2wav_config=dict(dit_config=DIFFUSION, bigvgan_config=WAVES))


def omni_moe(text, vision, **fields):
    thinker = dict(tie_word_embeddings=True, vision_start_token_id=151652, text_config=dict(text, rope_parameters=dict(MROPE, interleaved=True)), audio_config=dict(EARS, output_dim=64, n_window=4, downsample_hidden_size=8),
                   vision_config=dict(vision, out_hidden_size=64, num_position_embeddings=16, deepstack_visual_indexes=[0]))
    talker = dict(text_config=dict(speaker(text), shared_expert_intermediate_size=24), thinker_hidden_size=64, num_code_groups=3, spatial_merge_size=2,
                  code_predictor_config=dict(speaker({}), num_hidden_layers=1, num_code_groups=3))
    code2wav = dict(codebook_size=13, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, num_quantizers=3, decoder_dim=32,
                    upsample_rates=[2, 2], upsampling_ratios=[2])
    return transformers.Qwen3OmniMoeConfig(thinker_config=thinker, talker_config=talker, code2wav_config=code2wav, **fields)


def asr(tower):
    """Qwen3-ASR of its decoder, a Qwen3: what Megatron-Bridge's qwen3_asr/hf_qwen3_asr makes of config.json, and its names."""
    def whole(config, state):
        text = {key: value for key, value in config.items() if key not in ("model_type", "architectures", "transformers_version", "rope_parameters")}
        text.update(model_type="qwen3_asr_text", rope_theta=config["rope_parameters"]["rope_theta"], rope_scaling={"rope_type": "default", "type": "default", "mrope_section": [2, 1, 1], "interleaved": True, "mrope_interleaved": True})
        thinker = {"model_type": "qwen3_asr_thinker", "text_config": text, "audio_config": dict(EARS, model_type="qwen3_asr_audio_encoder"), "audio_token_id": 151676}
        outer = {"architectures": ["Qwen3ASRForConditionalGeneration"], "model_type": "qwen3_asr", "support_languages": ["English"], "thinker_config": thinker}
        return outer, {"thinker." + name: value for name, value in state.items()} | tower(["thinker.audio_tower.conv2d1.weight", "thinker.audio_tower.proj2.bias"])
    return whole
