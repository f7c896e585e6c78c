# SPDX-License-Identifier: Apache-2.0
"""Tiny vision-language models with their processors."""

import dataclasses
import json

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from processor_cases import GEMMA, INTERN, VIDEO, make_tokenizer
from tiny_models import randomize

TEXT = dict(hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=8, num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-6)
CLIP = dict(hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, projection_dim=20, image_size=28, patch_size=7)


@dataclasses.dataclass
class Model:
    name: str
    network: str  # transformers' class
    config: object  # makes the config from the tokenizer's size and the id of the image token
    images: str
    fields: dict
    processor: str
    processor_fields: dict
    tokens: dict
    placeholder: str
    image_token: str
    published: object = None  # rewrites tensors as the published models have them
    head: object = None  # what the decoder's own class makes of logits (multimodal_models.py)


def llava(text_class="LlamaConfig", tied=False, vision=None, **fields):
    def make(vocabulary, token):
        text = getattr(transformers, text_class)(**TEXT, vocab_size=vocabulary, tie_word_embeddings=tied)
        return transformers.LlavaConfig(vision_config=vision or transformers.CLIPVisionConfig(**CLIP), text_config=text, image_token_index=token, **fields)
    return make


def gemma3(**fields):
    def make(vocabulary, token):
        text = dict(TEXT, num_hidden_layers=6, head_dim=16, vocab_size=vocabulary, sliding_window=8, query_pre_attn_scalar=16)
        vision = dict(hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, image_size=48, patch_size=8, vision_use_head=False)
        return transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=9, image_token_index=token, boi_token_index=1, eoi_token_index=2, **fields)
    return make


def llava_next(**fields):
    def make(vocabulary, token):
        return transformers.LlavaNextConfig(vision_config=transformers.CLIPVisionConfig(**CLIP), text_config=transformers.MistralConfig(**TEXT, vocab_size=vocabulary), image_token_index=token, image_grid_pinpoints=PINPOINTS, **fields)
    return make


def mistral3(**fields):
    def make(vocabulary, token):
        vision = dict(model_type="pixtral", hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=3, image_size=112, patch_size=7)
        return transformers.Mistral3Config(text_config=dict(TEXT, model_type="mistral", vocab_size=vocabulary), vision_config=vision, image_token_index=token, spatial_merge_size=2, **fields)
    return make


def llama4(vocabulary, token):
    vision = dict(hidden_size=48, intermediate_size=192, num_hidden_layers=3, num_attention_heads=3, image_size=28, patch_size=7, vision_output_dim=40, projector_input_dim=40, projector_output_dim=40, pixel_shuffle_ratio=0.5)
    text = dict(TEXT, head_dim=16, vocab_size=vocabulary, intermediate_size_mlp=96, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=2, attention_chunk_size=32)
    return transformers.Llama4Config(text_config=text, vision_config=vision, image_token_index=token)


QWEN_VISION = dict(depth=4, hidden_size=32, num_heads=2, spatial_merge_size=2, temporal_patch_size=2)
QWEN_TOKENS = dict(vision_start_token_id=1, vision_end_token_id=2)


def rotary(sections, **fields):
    return {"rope_type": "default", "rope_theta": 1e5, "mrope_section": sections, **fields}


def qwen2_vl(vocabulary, token):
    vision = dict(depth=3, embed_dim=32, hidden_size=64, num_heads=2, patch_size=14, spatial_merge_size=2, temporal_patch_size=2)
    return transformers.Qwen2VLConfig(text_config=dict(TEXT, vocab_size=vocabulary, rope_parameters=rotary([1, 1, 2])), vision_config=vision, image_token_id=token, **QWEN_TOKENS)


def qwen2_5_vl(vocabulary, token):
    vision = dict(QWEN_VISION, intermediate_size=40, out_hidden_size=64, patch_size=14, window_size=56, fullatt_block_indexes=[1, 3])
    return transformers.Qwen2_5_VLConfig(text_config=dict(TEXT, vocab_size=vocabulary, rope_parameters=rotary([2, 1, 1])), vision_config=vision, image_token_id=token, **QWEN_TOKENS)


def qwen3_vision(**fields):
    return dict(QWEN_VISION, intermediate_size=40, out_hidden_size=64, patch_size=16, num_position_embeddings=36, **fields)


def qwen3_vl(kind, deep=(0, 2), **fields):
    def make(vocabulary, token):
        text = dict(TEXT, head_dim=16, vocab_size=vocabulary, rope_parameters=rotary([4, 2, 2], mrope_interleaved=True), **fields)
        return getattr(transformers, kind)(text_config=text, vision_config=qwen3_vision(deepstack_visual_indexes=list(deep)), image_token_id=token, **QWEN_TOKENS)
    return make


def qwen3_5(kind, **fields):
    def make(vocabulary, token):
        text = dict(TEXT, num_hidden_layers=4, head_dim=16, vocab_size=vocabulary, linear_num_key_heads=4, linear_num_value_heads=8, linear_key_head_dim=8, linear_value_head_dim=8,
                    rope_parameters=rotary([2, 1, 1], mrope_interleaved=True, partial_rotary_factor=0.5), **fields)
        return getattr(transformers, kind)(text_config=text, vision_config=qwen3_vision(), image_token_id=token, **QWEN_TOKENS)
    return make


SIGLIP = dict(model_type="siglip_vision_model", hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, image_size=28, patch_size=7, vision_use_head=False)


def glm4v(kind, **fields):
    def make(vocabulary, token):
        text = dict(TEXT, num_attention_heads=4, vocab_size=vocabulary, rope_parameters=rotary([1, 1, 2], partial_rotary_factor=0.5), **fields)
        vision = dict(depth=3, hidden_size=32, intermediate_size=40, num_heads=2, out_hidden_size=64, patch_size=14, image_size=56, spatial_merge_size=2, temporal_patch_size=2, attention_bias=bool(fields))
        return getattr(transformers, kind)(text_config=text, vision_config=vision, image_token_id=token)
    return make


def internvl(vision, **fields):
    def make(vocabulary, token):
        eyes = dict(hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, image_size=[28, 28], patch_size=[7, 7], **vision)
        return transformers.InternVLConfig(text_config=dict(TEXT, model_type="qwen2", vocab_size=vocabulary), vision_config=eyes, image_token_id=token, image_seq_length=4, tie_word_embeddings=False, **fields)
    return make


def llava_onevision(vocabulary, token):
    return transformers.LlavaOnevisionConfig(text_config=dict(TEXT, model_type="qwen2", vocab_size=vocabulary), vision_config=SIGLIP, image_token_index=token, image_grid_pinpoints=MANY_TILES, vision_aspect_ratio="anyres_max_3")


def paligemma(**fields):
    def make(vocabulary, token):
        return transformers.PaliGemmaConfig(text_config=dict(TEXT, head_dim=16, vocab_size=vocabulary, **fields), vision_config=SIGLIP, projection_dim=64, image_token_index=token)
    return make


def idefics(kind):
    def make(vocabulary, token):
        vision = {key: value for key, value in SIGLIP.items() if key not in ("model_type", "vision_use_head")}
        return getattr(transformers, kind)(text_config=dict(TEXT, model_type="llama", vocab_size=vocabulary), vision_config=vision, image_token_id=token, pad_token_id=0)
    return make


MANY_TILES = [[28 * rows, 28 * columns] for rows in (1, 2, 3, 4) for columns in (1, 2, 3, 4)]
GLM_PICTURES = {"size": {"shortest_edge": 9000, "longest_edge": 40000}}
GLM_EXPERTS = dict(n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
IDEFICS_PICTURES = {"size": {"longest_edge": 72}, "max_image_size": {"longest_edge": 28}}
SIGLIP_PICTURES = {"size": {"height": 28, "width": 28}, "image_seq_length": 16}
PALIGEMMA = {"image_token": "<image>", "bos_token": "<bos>"}
PINPOINTS = [[28, 56], [56, 28], [56, 56], [84, 28]]
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=24)
QWEN = {"image_token": "<|image_pad|>"}
QWEN3_PICTURES = {"size": {"shortest_edge": 9000, "longest_edge": 40000}, "patch_size": 16, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
CLIP_PICTURES = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
MODELS = [
    Model("llava", "LlavaForConditionalGeneration", llava(), "CLIPImageProcessor", CLIP_PICTURES, "LlavaProcessor",
          {"patch_size": 7, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", "<image>"),
    Model("llava_full", "LlavaForConditionalGeneration", llava("MistralConfig", vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="gelu"), "LlavaImageProcessor",
          {**CLIP_PICTURES, "do_pad": True}, "LlavaProcessor", {"patch_size": 7, "vision_feature_select_strategy": "full", "num_additional_image_tokens": 1}, {}, "<image>", "<image>"),
    # What text_config says of the head is not what the model does.
    Model("llava_untied", "LlavaForConditionalGeneration", llava(tied=True, tie_word_embeddings=False), "CLIPImageProcessor", CLIP_PICTURES, "LlavaProcessor",
          {"patch_size": 7, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", "<image>"),
    # As llava-interleave-qwen: SigLIP without its last norm, and 3 pixels behind the last patch (384 = 27 * 14 + 6).
    Model("llava_siglip", "LlavaForConditionalGeneration", llava("Qwen2Config", vision={**SIGLIP, "image_size": 31}, vision_feature_layer=-1, vision_feature_select_strategy="full"), "SiglipImageProcessor",
          {"size": {"height": 31, "width": 31}}, "LlavaProcessor", {"patch_size": 7, "vision_feature_select_strategy": "full", "num_additional_image_tokens": 0}, {}, "<image>", "<image>"),
    Model("gemma3", "Gemma3ForConditionalGeneration", gemma3(), "Gemma3ImageProcessor", {"size": {"height": 48, "width": 48}, "image_seq_length": 9}, "Gemma3Processor", {"image_seq_length": 9}, GEMMA,
          "<start_of_image>", "<image_soft_token>"),
    Model("llava_next", "LlavaNextForConditionalGeneration", llava_next(), "LlavaNextImageProcessor", {**CLIP_PICTURES, "image_grid_pinpoints": PINPOINTS}, "LlavaNextProcessor",
          {"patch_size": 7, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", "<image>"),
    Model("mistral3", "Mistral3ForConditionalGeneration", mistral3(), "PixtralImageProcessor", {"size": {"longest_edge": 84}, "patch_size": {"height": 14, "width": 14}}, "PixtralProcessor",
          {"patch_size": 7, "spatial_merge_size": 2}, {}, "[IMG]", "[IMG]"),
    Model("mistral3_layer", "Mistral3ForConditionalGeneration", mistral3(vision_feature_layer=-2, multimodal_projector_bias=True), "PixtralImageProcessor",
          {"size": {"longest_edge": 70}, "patch_size": {"height": 14, "width": 14}}, "PixtralProcessor", {"patch_size": 7, "spatial_merge_size": 2}, {}, "[IMG]", "[IMG]"),
    Model("llama4", "Llama4ForConditionalGeneration", llama4, "Llama4ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 4}, "Llama4Processor", {"patch_size": 7, "pixel_shuffle_ratio": 0.5}, {}, "<|image|>", "<|patch|>"),
    Model("qwen2_vl", "Qwen2VLForConditionalGeneration", qwen2_vl, "Qwen2VLImageProcessor", {"min_pixels": 4 * 784, "max_pixels": 20 * 784}, "Qwen2VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", qwen2_5_vl, "Qwen2VLImageProcessor", {"size": {"shortest_edge": 15 * 784, "longest_edge": 60000}, "patch_size": 14, "merge_size": 2}, "Qwen2_5_VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen3_vl", "Qwen3VLForConditionalGeneration", qwen3_vl("Qwen3VLConfig"), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen3_vl_order", "Qwen3VLForConditionalGeneration", qwen3_vl("Qwen3VLConfig", deep=(2, 0)), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration", qwen3_vl("Qwen3VLMoeConfig", **EXPERTS), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen3_vl_moe_published", "Qwen3VLMoeForConditionalGeneration", qwen3_vl("Qwen3VLMoeConfig", **EXPERTS), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>",
          lambda name, tensor: tensor.transpose(1, 2).contiguous() if ".experts." in name else tensor),
    Model("qwen3_5_dense", "Qwen3_5ForConditionalGeneration", qwen3_5("Qwen3_5Config"), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", "<|image_pad|>"),
    Model("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration", qwen3_5("Qwen3_5MoeConfig", **EXPERTS, shared_expert_intermediate_size=40), "Qwen2VLImageProcessor", QWEN3_PICTURES, "Qwen3VLProcessor", {}, QWEN,
          "<|image_pad|>", "<|image_pad|>"),
    Model("glm4v", "Glm4vForConditionalGeneration", glm4v("Glm4vConfig"), "Glm4vImageProcessor", GLM_PICTURES, "Glm4vProcessor", {}, {}, "<|image|>", "<|image|>"),
    Model("glm4v_moe", "Glm4vMoeForConditionalGeneration", glm4v("Glm4vMoeConfig", **GLM_EXPERTS), "Glm4vImageProcessor", GLM_PICTURES, "Glm4vProcessor", {}, {}, "<|image|>", "<|image|>"),
    Model("internvl", "InternVLForConditionalGeneration", internvl({"attention_bias": True}), "GotOcr2ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 6}, "InternVLProcessor", {"image_seq_length": 4}, INTERN, "<IMG_CONTEXT>", "<IMG_CONTEXT>"),
    Model("internvl_6b", "InternVLForConditionalGeneration", internvl({"norm_type": "rms_norm", "use_qk_norm": True}, vision_feature_layer=-2), "GotOcr2ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 3}, "InternVLProcessor",
          {"image_seq_length": 4}, INTERN, "<IMG_CONTEXT>", "<IMG_CONTEXT>"),
    Model("llava_onevision", "LlavaOnevisionForConditionalGeneration", llava_onevision, "LlavaOnevisionImageProcessor", {"size": {"height": 28, "width": 28}, "image_grid_pinpoints": MANY_TILES}, "LlavaOnevisionProcessor",
          {"num_image_tokens": 16, "vision_feature_select_strategy": "full", "vision_aspect_ratio": "anyres_max_3"}, {"image_token": "<image>"}, "<image>", "<image>"),
    Model("idefics3", "Idefics3ForConditionalGeneration", idefics("Idefics3Config"), "Idefics3ImageProcessor", IDEFICS_PICTURES, "Idefics3Processor", {"image_seq_len": 4}, {}, "<image>", "<image>"),
    Model("smolvlm", "SmolVLMForConditionalGeneration", idefics("SmolVLMConfig"), "SmolVLMImageProcessor", IDEFICS_PICTURES, "SmolVLMProcessor", {"image_seq_len": 4}, {}, "<image>", "<image>"),
    Model("paligemma", "PaliGemmaForConditionalGeneration", paligemma(model_type="gemma"), "SiglipImageProcessor", SIGLIP_PICTURES, "PaliGemmaProcessor", {}, PALIGEMMA, "<image>", "<image>"),
    Model("paligemma2", "PaliGemmaForConditionalGeneration", paligemma(model_type="gemma2", sliding_window=8, query_pre_attn_scalar=16), "SiglipImageProcessor", SIGLIP_PICTURES, "PaliGemmaProcessor", {}, PALIGEMMA, "<image>", "<image>",
          head=lambda logits: 30 * np.tanh(logits / 30)),
]


def make_model(model, folder):
    """Saves a model with random weights, its processor and its tokenizer; returns the model."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(model)
    torch.manual_seed(7)
    config = model.config(len(tokenizer), tokenizer.convert_tokens_to_ids(model.image_token))
    network = getattr(transformers, model.network)(config).eval()
    if model.head:
        network.set_attn_implementation("eager")  # the others leave out the cap of attention's scores (modeling_gemma2.py)
    randomize(network, sum(map(ord, model.name)))
    network.generation_config.eos_token_id = None
    network.generation_config.pad_token_id = 0
    network.save_pretrained(folder)
    if model.published:
        weights = folder / "model.safetensors"
        save_file({name: model.published(name, tensor) for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
        network = getattr(transformers, model.network).from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": model.images, **model.fields}))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": model.processor, **model.processor_fields}))
    return network


def processor_of(model, folder):
    fields = {**model.processor_fields}
    if model.processor.startswith("Qwen"):
        fields["video_processor"] = getattr(transformers, "Qwen3VLVideoProcessor" if "3" in model.processor else "Qwen2VLVideoProcessor")()
    if model.processor in VIDEO:
        fields["video_processor"] = getattr(transformers, VIDEO[model.processor])()
    return getattr(transformers, model.processor)(image_processor=getattr(transformers, model.images)(**model.fields), tokenizer=PreTrainedTokenizerFast.from_pretrained(folder), **fields)


def make_clip(folder, **fields):
    """A CLIP with both towers, its picture processor and a tokenizer whose last token ends texts."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_clip_tokenizer()
    torch.manual_seed(9)
    text = dict(hidden_size=40, intermediate_size=72, num_hidden_layers=3, num_attention_heads=4, projection_dim=24, max_position_embeddings=40, vocab_size=len(tokenizer), bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id)
    config = transformers.CLIPConfig(text_config={**text, **fields}, vision_config=dict(CLIP, projection_dim=24), projection_dim=24)
    network = transformers.CLIPModel(config).eval()
    randomize(network, 5)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(CLIP_PICTURES))  # whose class is the model's
    return network, tokenizer, transformers.CLIPImageProcessor(**CLIP_PICTURES)


def make_clip_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: k for k, token in enumerate([*alphabet, "<|startoftext|>", "<|endoftext|>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    start, end = len(alphabet), len(alphabet) + 1
    tokenizer.post_processor = processors.TemplateProcessing(single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|startoftext|>", eos_token="<|endoftext|>")
