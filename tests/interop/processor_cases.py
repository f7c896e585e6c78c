# SPDX-License-Identifier: Apache-2.0
"""Processors with small sizes, and what transformers makes of a picture or a prompt with each."""

import dataclasses
import json

import numpy as np
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PROMPTS = {0: "no picture at all", 1: "USER: <picture>\nWhat is it? ASSISTANT:", 3: "<picture><picture> and <picture>"}
SPECIAL = ["<image>", "[IMG]", "[IMG_BREAK]", "[IMG_END]", "<start_of_image>", "<end_of_image>", "<image_soft_token>", "<|image_pad|>", "<|vision_start|>",
           "<|vision_end|>", "<|video_pad|>", "<|image|>", "<|patch|>", "<|image_start|>", "<|image_end|>", "<|tile_x_separator|>", "<|tile_y_separator|>"]


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


CLIP = (0.26862954, 0.26130258, 0.27577711)
GEMMA = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
QWEN = {"image_token": "<|image_pad|>"}
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
    Case("qwen3_vl", "Qwen2VLImageProcessor", {"size": {"shortest_edge": 1024, "longest_edge": 70000}, "patch_size": 16, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}, "Qwen3VLProcessor", {}, QWEN, "<|image_pad|>", layout="patches", spread=(0.5,)),
    Case("llama4", "Llama4ImageProcessor", {"size": {"height": 28, "width": 28}, "max_patches": 6}, "Llama4Processor", {"patch_size": 7, "pixel_shuffle_ratio": 0.5}, {}, "<|image|>", backends=("torchvision",), layout="canvas", spread=(0.5,)),
    Case("llama4_canvas", "Llama4ImageProcessor", {"size": {"height": 30, "width": 30}, "max_patches": 4, "resize_to_max_canvas": True}, "Llama4Processor", {"patch_size": 6, "pixel_shuffle_ratio": 0.5}, {}, "<|image|>", backends=("torchvision",), layout="canvas", spread=(0.5,)),
]


def make_tokenizer(case):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: k for k, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=case.tokens)
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
    return getattr(transformers, case.images + ("Pil" if backend == "pil" else ""))(**case.fields)


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
    if case.layout == "crops":
        assert values.shape[0] == int(batch["num_crops"][0]) + 1
    if case.layout == "patches":
        return {"values": values, "rows": int(batch["image_grid_thw"][0][1]), "columns": int(batch["image_grid_thw"][0][2])}
    if case.layout == "canvas":
        rows, columns = batch["aspect_ratios"][0].tolist()
        return {"values": values.reshape(-1, *values.shape[-3:]), "rows": rows, "columns": columns}
    return {"values": values}


def real_prompt(case, folder, text, images):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    kwargs = {**case.processor_fields}
    if case.processor.startswith("Qwen"):
        kwargs["video_processor"] = getattr(transformers, "Qwen2VLVideoProcessor" if "3" not in case.processor else "Qwen3VLVideoProcessor")()
    processor = getattr(transformers, case.processor)(image_processor=image_processor(case, "torchvision"), tokenizer=tokenizer, **kwargs)
    ids = processor(images=images or None, text=text, add_special_tokens=False, **case.kwargs)["input_ids"]
    return np.asarray(ids).reshape(-1).tolist()
