# SPDX-License-Identifier: Apache-2.0
"""Writes a tiny StableLM folder with the standard library: python3 tiny_stablelm.py OUT."""

import json
import os
import random
import struct
import sys

HIDDEN, FFN, VOCAB, LAYERS, HEADS, GROUPS = 16, 24, 30, 2, 4, 2


def shapes():
    dim = HIDDEN // HEADS
    yield "model.embed_tokens.weight", [VOCAB, HIDDEN]
    for i in range(LAYERS):
        layer = f"model.layers.{i}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield layer + norm + ".weight", [HIDDEN]
            yield layer + norm + ".bias", [HIDDEN]
        for name, rows in (("q", HEADS * dim), ("k", GROUPS * dim), ("v", GROUPS * dim)):
            yield layer + f"self_attn.{name}_proj.weight", [rows, HIDDEN]
            yield layer + f"self_attn.{name}_proj.bias", [rows]
        yield layer + "self_attn.o_proj.weight", [HIDDEN, HEADS * dim]
        yield layer + "mlp.gate_proj.weight", [FFN, HIDDEN]
        yield layer + "mlp.up_proj.weight", [FFN, HIDDEN]
        yield layer + "mlp.down_proj.weight", [HIDDEN, FFN]
    yield "model.norm.weight", [HIDDEN]
    yield "model.norm.bias", [HIDDEN]
    yield "lm_head.weight", [VOCAB, HIDDEN]


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    header, payload, generator = {}, b"", random.Random(0)
    for name, shape in shapes():
        count = 1
        for size in shape:
            count *= size
        data = struct.pack(f"<{count}f", *(generator.gauss(0, 1) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(payload), len(payload) + len(data)]}
        payload += data
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + payload)
    config = dict(
        architectures=["StableLmForCausalLM"], model_type="stablelm", hidden_size=HIDDEN, intermediate_size=FFN, vocab_size=VOCAB,
        num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=GROUPS, use_qkv_bias=True,
    )
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)


if __name__ == "__main__":
    main()
