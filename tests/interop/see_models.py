# SPDX-License-Identifier: Apache-2.0
"""Tiny vision-language models with their processors."""

import dataclasses
import json

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from processor_cases import GEMMA, make_tokenizer
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


def llava(text_class="LlamaConfig", **fields):
    def make(vocabulary, token):
        return transformers.LlavaConfig(vision_config=transformers.CLIPVisionConfig(**CLIP), text_config=getattr(transformers, text_class)(**TEXT, vocab_size=vocabulary), image_token_index=token, **fields)
    return make


def gemma3(**fields):
    def make(vocabulary, token):
        text = dict(TEXT, num_hidden_layers=6, head_dim=16, vocab_size=vocabulary, sliding_window=8, query_pre_attn_scalar=16)
        vision = dict(hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, image_size=48, patch_size=8, vision_use_head=False)
        return transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=9, image_token_index=token, boi_token_index=1, eoi_token_index=2, **fields)
    return make


CLIP_PICTURES = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
MODELS = [
    Model("llava", "LlavaForConditionalGeneration", llava(), "CLIPImageProcessor", CLIP_PICTURES, "LlavaProcessor",
          {"patch_size": 7, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {"image_token": "<image>"}, "<image>", "<image>"),
    Model("llava_full", "LlavaForConditionalGeneration", llava("MistralConfig", vision_feature_layer=-1, vision_feature_select_strategy="full", projector_hidden_act="gelu"), "LlavaImageProcessor",
          {**CLIP_PICTURES, "do_pad": True}, "LlavaProcessor", {"patch_size": 7, "vision_feature_select_strategy": "full", "num_additional_image_tokens": 1}, {}, "<image>", "<image>"),
    Model("gemma3", "Gemma3ForConditionalGeneration", gemma3(), "Gemma3ImageProcessor", {"size": {"height": 48, "width": 48}, "image_seq_length": 9}, "Gemma3Processor", {"image_seq_length": 9}, GEMMA,
          "<start_of_image>", "<image_soft_token>"),
]


def make_model(model, folder):
    """Saves a model with random weights, its processor and its tokenizer; returns the model."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(model)
    torch.manual_seed(7)
    config = model.config(len(tokenizer), tokenizer.convert_tokens_to_ids(model.image_token))
    network = getattr(transformers, model.network)(config).eval()
    randomize(network, sum(map(ord, model.name)))
    network.generation_config.eos_token_id = None
    network.generation_config.pad_token_id = 0
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": model.images, **model.fields}))
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": model.processor, **model.processor_fields}))
    return network


def processor_of(model, folder):
    return getattr(transformers, model.processor)(image_processor=getattr(transformers, model.images)(**model.fields), tokenizer=PreTrainedTokenizerFast.from_pretrained(folder), **model.processor_fields)


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
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "CLIPImageProcessor", **CLIP_PICTURES}))
    return network, tokenizer, transformers.CLIPImageProcessor(**CLIP_PICTURES)


def make_clip_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: k for k, token in enumerate([*alphabet, "<|startoftext|>", "<|endoftext|>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    start, end = len(alphabet), len(alphabet) + 1
    tokenizer.post_processor = processors.TemplateProcessing(single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", start), ("<|endoftext|>", end)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<|startoftext|>", eos_token="<|endoftext|>")
