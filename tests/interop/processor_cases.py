# SPDX-License-Identifier: Apache-2.0
"""Processors with small sizes, and what transformers makes of a picture or a prompt with each."""

import copy
import dataclasses
import json

import numpy as np
import transformers
import transformers.models.smolvlm.processing_smolvlm
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

transformers.models.smolvlm.processing_smolvlm.num2words = True  # which it needs for videos alone
PROMPTS = {0: "no picture at all", 1: "USER: <picture>\nWhat is it? ASSISTANT:", 3: "<picture><picture> and <picture>"}
SPECIAL = ["<image>", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<|image_pad|>", "<|vision_start|>",
           "<|vision_end|>", "<|video_pad|>", "<|image|>", "<|patch|>", "<|image_start|>", "<|image_end|>", "<|tile_x_separator|>", "<|tile_y_separator|>",
           "<img>", "</img>", "<IMG_CONTEXT>", "<video>", "<fake_token_around_image>", "<global-img>", "<bos>"]


@dataclasses.dataclass
class Case:
    name: str
    images: str  # transformers' image processor; its Pillow variant has Pil behind it
    fields: dict  # of preprocessor_config.json
    processor: str = ""  # and of prompts
    processor_fields: dict = dataclasses.field(default_factory=dict)
    tokens: dict = dataclasses.field(default_factory=dict)  # of the tokenizer
    placeholder: str = ""
    kwargs: dict = dataclasses.field(default_factory=dict)
    backends: tuple = ("pillow", "torchvision")
    layout: str = "one"  # what becomes of transformers' batch of one: see real_images
    spread: tuple = (1.0,)  # image_std
    counts: tuple = (0, 1, 3)  # of the pictures of prompts


CLIP = (0.26862954, 0.26130258, 0.27577711)
GEMMA = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
QWEN = {"image_token": "<|image_pad|>"}
INTERN = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>", "video_token": "<video>"}
VIDEO = {"Glm4vProcessor": "Glm4vVideoProcessor", "Glm46VProcessor": "Glm46VVideoProcessor", "InternVLProcessor": "InternVLVideoProcessor", "LlavaOnevisionProcessor": "LlavaOnevisionVideoProcessor", "SmolVLMProcessor": "SmolVLMVideoProcessor"}
GRID = [[48, 96], [96, 48], [96, 96], [144, 48], [48, 144]]
CASES = [
    Case("clip", "CLIPImageProcessor", {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}, spread=CLIP),
    Case("clip_odd_crop", "CLIPImageProcessor", {"size": {"shortest_edge": 30}, "crop_size": {"height": 41, "width": 25}, "resample": 2}, spread=CLIP),
    Case("clip_large_crop", "CLIPImageProcessor", {"do_resize": False, "crop_size": 120}, spread=CLIP),
    Case("clip_plain", "CLIPImageProcessor", {"size": 24, "crop_size": 24, "do_normalize": False, "rescale_factor": 0.01}),
    Case("clip_bytes", "CLIPImageProcessor", {"size": {"height": 24, "width": 30}, "do_center_crop": False, "do_rescale": False, "image_mean": [100, 120, 130], "image_std": [50, 60, 70]}, spread=(50.0,)),
    Case("clip_edges", "CLIPImageProcessor", {"size": {"shortest_edge": 40, "longest_edge": 60}, "do_center_crop": False, "resample": 0}, spread=CLIP),
    Case("clip_lanczos", "CLIPImageProcessor", {"size": {"height": 40, "width": 60}, "do_center_crop": False, "resample": 1}, spread=CLIP),
    Case("clip_small", "CLIPImageProcessor", {"size": {"height": 9, "width": 5}, "do_center_crop": False, "resample": 0}, spread=CLIP),
    Case("siglip", "SiglipImageProcessor", {"size": {"height": 38, "width": 38}}, spread=(0.5,)),
    Case("llava", "CLIPImageProcessor", {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}, "LlavaProcessor",
         {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {}, "<image>", spread=CLIP),
    Case("llava_square", "LlavaImageProcessor", {"size": {"shortest_edge": 42}, "crop_size": {"height": 42, "width": 42}, "do_pad": True}, "LlavaProcessor",
         {"patch_size": 14, "vision_feature_select_strategy": "full", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", spread=CLIP),
    Case("llava_next", "LlavaNextImageProcessor", {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}, "image_grid_pinpoints": GRID}, "LlavaNextProcessor",
         {"patch_size": 12, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", layout="tiles", spread=CLIP),
    Case("llava_next_full", "LlavaNextImageProcessor", {"size": {"height": 48, "width": 48}, "do_center_crop": False, "crop_size": 48, "image_grid_pinpoints": GRID[2:]}, "LlavaNextProcessor",
         {"patch_size": 8, "vision_feature_select_strategy": "full"}, {"image_token": "<image>"}, "<image>", layout="tiles", spread=CLIP),
    Case("pixtral", "PixtralImageProcessor", {"size": {"longest_edge": 100}, "patch_size": {"height": 16, "width": 16}}, "PixtralProcessor",
         {"patch_size": 16, "spatial_merge_size": 1}, {}, "[IMG]", layout="sizes", spread=CLIP),
    Case("mistral3", "PixtralImageProcessor", {"size": {"longest_edge": 90}, "patch_size": {"height": 7, "width": 7}}, "PixtralProcessor",
         {"patch_size": 7, "spatial_merge_size": 2}, {}, "[IMG]", layout="sizes", spread=CLIP),
    Case("gemma3", "Gemma3ImageProcessor", {"size": {"height": 36, "width": 36}, "image_seq_length": 9}, "Gemma3Processor", {"image_seq_length": 9}, GEMMA, "<start_of_image>", layout="crops", spread=(0.5,)),
    Case("gemma3_scan", "Gemma3ImageProcessor", {"size": {"height": 36, "width": 36}}, "Gemma3Processor", {"image_seq_length": 4}, GEMMA, "<start_of_image>",
         {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 20, "pan_and_scan_max_num_crops": 3, "pan_and_scan_min_ratio_to_activate": 1.2}, layout="crops", spread=(0.5,)),
    Case("qwen2_vl", "Qwen2VLImageProcessor", {"min_pixels": 4 * 28 * 28, "max_pixels": 20 * 28 * 28}, "Qwen2VLProcessor", {}, QWEN, "<|image_pad|>", layout="patches", spread=CLIP),
    Case("qwen2_5_vl", "Qwen2VLImageProcessor", {"size": {"shortest_edge": 784, "longest_edge": 50000}, "patch_size": 14, "merge_size": 2}, "Qwen2_5_VLProcessor", {}, QWEN, "<|image_pad|>", layout="patches", spread=CLIP),
    Case("qwen2_5_vl_twice", "Qwen2VLImageProcessor", {"size": {"min_pixels": 784, "max_pixels": 50000}, "min_pixels": 1568, "max_pixels": 40000}, "Qwen2_5_VLProcessor", {}, QWEN, "<|image_pad|>", layout="patches", spread=CLIP),
    Case("qwen3_vl", "Qwen2VLImageProcessor", {"size": {"shortest_edge": 1024, "longest_edge": 70000}, "patch_size": 16, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", layout="patches", spread=(0.5,)),
    Case("glm4v", "Glm4vImageProcessor", {"size": {"shortest_edge": 4 * 28 * 28, "longest_edge": 40 * 28 * 28}, "min_pixels": 100, "max_pixels": 9000}, "Glm4vProcessor", {}, {"image_token": "<|image|>"}, "<|image|>", layout="patches", spread=CLIP),
    Case("glm46v", "Glm46VImageProcessor", {"size": {"shortest_edge": 12544, "longest_edge": 9633792}, "patch_size": 7}, "Glm46VProcessor", {}, {}, "<|image|>", layout="patches", spread=CLIP),
    Case("internvl", "GotOcr2ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 6, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}, "InternVLProcessor", {"image_seq_length": 4}, INTERN,
         "<IMG_CONTEXT>", {"crop_to_patches": True}, layout="crops", spread=(0.224,)),
    Case("internvl_whole", "GotOcr2ImageProcessor", {"size": {"height": 30, "width": 20}}, spread=CLIP),
    Case("llava_onevision", "LlavaOnevisionImageProcessor", {"size": {"height": 24, "width": 24}, "image_grid_pinpoints": [[24 * row, 24 * column] for row in (1, 2, 3, 4) for column in (1, 2, 3, 4)], "image_mean": [0.5, 0.5, 0.5],
         "image_std": [0.5, 0.5, 0.5]}, "LlavaOnevisionProcessor", {"num_image_tokens": 16, "vision_feature_select_strategy": "full", "vision_aspect_ratio": "anyres_max_3"}, {"image_token": "<image>"}, "<image>", layout="tiles", spread=(0.5,)),
    Case("idefics3", "Idefics3ImageProcessor", {"size": {"longest_edge": 72}, "max_image_size": {"longest_edge": 28}}, "Idefics3Processor", {"image_seq_len": 4}, {}, "<image>", layout="canvas", spread=(0.5,)),
    Case("idefics3_whole", "Idefics3ImageProcessor", {"size": {"height": 50, "width": 40}, "max_image_size": {"longest_edge": 28}, "do_image_splitting": False, "resample": 3}, layout="canvas", spread=(0.5,)),
    Case("smolvlm", "SmolVLMImageProcessor", {"size": {"longest_edge": 96}, "max_image_size": {"longest_edge": 32}, "video_sampling": {"fps": 1, "max_frames": 64}}, "SmolVLMProcessor", {"image_seq_len": 4}, {"fake_image_token": "<fake_token_around_image>", "image_token": "<image>"}, "<image>",
         layout="canvas", spread=(0.5,)),
    Case("paligemma", "SiglipImageProcessor", {"size": {"height": 28, "width": 28}, "image_seq_length": 4}, "PaliGemmaProcessor", {}, {"image_token": "<image>", "bos_token": "<bos>"}, "<image>", spread=(0.5,), counts=(1, 3)),
    Case("llama4", "Llama4ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 6}, "Llama4Processor", {"patch_size": 7, "pixel_shuffle_ratio": 0.5}, {}, "<|image|>", backends=("torchvision",), layout="canvas", spread=(0.5,)),
    Case("llama4_canvas", "Llama4ImageProcessor", {"size": {"height": 30, "width": 30}, "max_patches": 4, "resize_to_max_canvas": True}, "Llama4Processor", {"patch_size": 6, "pixel_shuffle_ratio": 0.5}, {}, "<|image|>", backends=("torchvision",), layout="canvas", spread=(0.5,)),
]


def make_tokenizer(case):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: k for k, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    named = {name: token for name, token in case.tokens.items() if name != "bos_token"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=named, bos_token=case.tokens.get("bos_token"))
    fast.add_special_tokens({"additional_special_tokens": SPECIAL}, replace_extra_special_tokens=False)
    return fast


def make_folder(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": case.images, **case.fields}))
    if case.processor:
        (folder / "processor_config.json").write_text(json.dumps({"processor_class": case.processor, **case.processor_fields}))
        make_tokenizer(case).save_pretrained(folder)
    return folder


def image_processor(case, backend):
    return getattr(transformers, case.images + ("Pil" if backend == "pil" else ""))(**copy.deepcopy(case.fields))


def real_images(case, backend, picture):
    """What belongs to the only picture of a batch: its numbers and what is known of its shape, in ProcessedImage's terms."""
    kwargs = {**case.kwargs}
    if case.name == "mistral3":
        kwargs["patch_size"] = {"height": 7, "width": 7}
    batch = image_processor(case, backend)(picture, return_tensors="pt", **kwargs)
    values = batch["pixel_values"].float().numpy()
    if case.layout == "tiles":
        height, width = batch["image_sizes"][0]
        return {"values": values[0], "height": int(height), "width": int(width)}
    if case.layout == "sizes":
        height, width = batch["image_sizes"][0]
        return {"values": values, "height": int(height), "width": int(width)}
    if case.layout == "crops" and "num_crops" in batch:
        assert values.shape[0] == int(batch["num_crops"][0]) + 1
    if case.layout == "patches":
        return {"values": values, "rows": int(batch["image_grid_thw"][0][1]), "columns": int(batch["image_grid_thw"][0][2])}
    if case.layout == "canvas":
        if "aspect_ratios" not in batch:
            return {"values": values.reshape(-1, *values.shape[-3:])}
        rows, columns = batch["aspect_ratios"][0].tolist()
        return {"values": values.reshape(-1, *values.shape[-3:]), "rows": rows, "columns": columns}
    return {"values": values}


def real_prompt(case, folder, text, images):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    kwargs = {**case.processor_fields}
    if case.processor.startswith("Qwen"):
        kwargs["video_processor"] = getattr(transformers, "Qwen2VLVideoProcessor" if "3" not in case.processor else "Qwen3VLVideoProcessor")()
    if case.processor in VIDEO:
        kwargs["video_processor"] = getattr(transformers, VIDEO[case.processor])()
    if case.processor == "LlavaOnevisionProcessor" and len(images) > 1:
        images = [images]  # as apply_chat_template gives them: pictures of one conversation
    processor = getattr(transformers, case.processor)(image_processor=image_processor(case, "torchvision"), tokenizer=tokenizer, **kwargs)
    options = {} if case.processor == "PaliGemmaProcessor" else {"add_special_tokens": False}
    ids = processor(images=images or None, text=text, **options, **case.kwargs)["input_ids"]
    return np.asarray(ids).reshape(-1).tolist()
