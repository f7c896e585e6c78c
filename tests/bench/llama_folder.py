# SPDX-License-Identifier: Apache-2.0
"""Writes Llama-shaped Hugging Face folders with the standard library alone: real headers, and payloads that are either
random or holes in a sparse file."""

import json
import math
import os
import random
import struct


def tensors(hidden, layers, ffn, vocab, heads, groups, tied):
    """(name, shape) of every tensor, in transformers' order."""
    dim = hidden // heads
    yield "model.embed_tokens.weight", [vocab, hidden]
    for i in range(layers):
        prefix = f"model.layers.{i}."
        yield prefix + "input_layernorm.weight", [hidden]
        yield prefix + "mlp.down_proj.weight", [hidden, ffn]
        yield prefix + "mlp.gate_proj.weight", [ffn, hidden]
        yield prefix + "mlp.up_proj.weight", [ffn, hidden]
        yield prefix + "post_attention_layernorm.weight", [hidden]
        yield prefix + "self_attn.k_proj.weight", [groups * dim, hidden]
        yield prefix + "self_attn.o_proj.weight", [hidden, heads * dim]
        yield prefix + "self_attn.q_proj.weight", [heads * dim, hidden]
        yield prefix + "self_attn.v_proj.weight", [groups * dim, hidden]
    yield "model.norm.weight", [hidden]
    if not tied:
        yield "lm_head.weight", [vocab, hidden]


BYTES = {"U8": 1, "F8_E4M3": 1, "BF16": 2, "F32": 4}


def write_shard(path, entries, fill):
    """A file of (name, dtype, shape); how many bytes its tensors have."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in entries:
        begin = offset
        offset += BYTES[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, offset]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if fill:
            generator = random.Random(0)
            left = offset
            while left:
                part = min(left, 1 << 24)
                file.write(generator.randbytes(part))
                left -= part
        else:
            file.truncate(8 + len(text) + offset)
    return offset


def write_folder(folder, entries, shards, fill, config):
    """A folder of (name, dtype, shape)s in so many files."""
    os.makedirs(folder)
    per_shard = -(-len(entries) // shards)
    weight_map, total = {}, 0
    for k in range(shards):
        name = "model.safetensors" if shards == 1 else f"model-{k + 1:05d}-of-{shards:05d}.safetensors"
        part = entries[k * per_shard : (k + 1) * per_shard]
        total += write_shard(os.path.join(folder, name), part, fill)
        weight_map.update({tensor: name for tensor, _, _ in part})
    if shards > 1:
        with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
            json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)


def make(folder, shards=1, fill=True, tied=False, **shape):
    entries = [(name, "BF16", axes) for name, axes in tensors(tied=tied, **shape)]
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=shape["hidden"], num_hidden_layers=shape["layers"],
        intermediate_size=shape["ffn"], vocab_size=shape["vocab"], num_attention_heads=shape["heads"],
        num_key_value_heads=shape["groups"], tie_word_embeddings=tied, rms_norm_eps=1e-5, rope_theta=500000.0,
        max_position_embeddings=131072, torch_dtype="bfloat16",
    )
    write_folder(folder, entries, shards, fill, config)


LLAMA_1B = dict(hidden=2048, layers=16, ffn=8192, vocab=128256, heads=32, groups=8)
LLAMA_70B = dict(hidden=8192, layers=80, ffn=28672, vocab=128256, heads=64, groups=8)
