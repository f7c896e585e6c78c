# SPDX-License-Identifier: Apache-2.0
"""Makes a Hugging Face folder of a tiny random Llama with nothing but Python: python tiny_llama.py FOLDER"""

import array
import json
import pathlib
import random
import sys

LAYERS, HIDDEN, HEADS, GROUPS, INNER, VOCABULARY = 2, 64, 4, 2, 128, 256
HEAD = HIDDEN // HEADS

shapes = {
    "model.embed_tokens.weight": [VOCABULARY, HIDDEN],
    "model.norm.weight": [HIDDEN],
    "lm_head.weight": [VOCABULARY, HIDDEN],
}
for layer in range(LAYERS):
    prefix = f"model.layers.{layer}."
    shapes |= {
        prefix + "input_layernorm.weight": [HIDDEN],
        prefix + "self_attn.q_proj.weight": [HEADS * HEAD, HIDDEN],
        prefix + "self_attn.k_proj.weight": [GROUPS * HEAD, HIDDEN],
        prefix + "self_attn.v_proj.weight": [GROUPS * HEAD, HIDDEN],
        prefix + "self_attn.o_proj.weight": [HIDDEN, HEADS * HEAD],
        prefix + "post_attention_layernorm.weight": [HIDDEN],
        prefix + "mlp.gate_proj.weight": [INNER, HIDDEN],
        prefix + "mlp.up_proj.weight": [INNER, HIDDEN],
        prefix + "mlp.down_proj.weight": [HIDDEN, INNER],
    }

config = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "dtype": "float32",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}

generator = random.Random(0)
header, data = {"__metadata__": {"format": "pt"}}, bytearray()
for name, shape in shapes.items():
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    mean = 1.0 if "norm" in name else 0.0
    begin = len(data)
    data += array.array("f", (generator.gauss(mean, 0.1) for _ in range(count))).tobytes()
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
(folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
