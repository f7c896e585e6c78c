# SPDX-License-Identifier: Apache-2.0
"""Llama 4's attention (examples/megatron/llama4.py) in GPTModel, with a checkpoint's own sizes."""

import moe_model


def build(args, tp, pp, _spec=None):
    from llama4 import with_chunked_attention  # arch_judges.py has put it on the path

    sizes = {"chunk_size": args.hf_attention_chunk_size, "floor_scale": getattr(args, "hf_attention_floor_scale", 1),
             "attn_scale": getattr(args, "hf_attention_temperature_scale", 0.0)}
    return moe_model.build(args, tp, pp, layers=lambda config, layers: [with_chunked_attention(layer, **sizes) for layer in layers])
