# SPDX-License-Identifier: Apache-2.0
"""Llama 4 (text): --spec llama4 layer_spec

Layers that rotate see their own chunk of 8192 tokens; the others see all tokens, have no norms on q and k, and their queries
grow with their position. The rest (experts, which layers rotate) is Megatron-Core's. Context parallelism, packed sequences
and inference are not supported here.
"""

import copy

import torch
from megatron.core.extensions.transformer_engine import HAVE_TE
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_decoder_block_spec
from megatron.core.transformer.attention import SelfAttention
from megatron.core.transformer.enums import AttnMaskType


class ChunkedSelfAttention(SelfAttention):
    """`chunk_size`: of layers that rotate. In the others a query at position p is multiplied by
    1 + attn_scale log(1 + floor((p + 1) / floor_scale)); an attn_scale of 0 leaves it alone."""

    def __init__(self, *args, chunk_size, floor_scale, attn_scale, **kwargs):
        super().__init__(*args, **kwargs)
        self.rotates = not (self.config.no_rope_freq and self.config.no_rope_freq[self.layer_number - 1])
        self.chunk_size, self.floor_scale, self.attn_scale = chunk_size, floor_scale, attn_scale
        if not self.rotates:
            self.q_layernorm = self.k_layernorm = None

    def get_query_key_value_tensors(self, *args, **kwargs):
        query, *rest = super().get_query_key_value_tensors(*args, **kwargs)
        if self.rotates or self.attn_scale == 0.0:
            return query, *rest
        positions = torch.arange(1, query.shape[0] + 1, device=query.device, dtype=torch.float32)
        scale = 1 + self.attn_scale * torch.log1p(torch.floor(positions / self.floor_scale))
        return (query * scale.view(-1, 1, 1, 1)).to(query.dtype), *rest

    def forward(self, hidden_states, attention_mask, *args, **kwargs):
        length = hidden_states.shape[0] * (self.config.tensor_model_parallel_size if self.config.sequence_parallel else 1)
        at = torch.arange(length, device=hidden_states.device)
        masked = at[:, None] < at[None]  # the future
        if self.rotates:
            masked = masked | (at[:, None] // self.chunk_size != at[None] // self.chunk_size)
        return super().forward(hidden_states, masked[None, None], *args, **kwargs)


def with_chunked_attention(layer, chunk_size=8192, floor_scale=8192, attn_scale=0.1):
    """A layer's spec with that attention."""
    layer = copy.deepcopy(layer)
    attention = layer.submodules.self_attention
    attention.module = ChunkedSelfAttention
    attention.params = {
        "attn_mask_type": AttnMaskType.arbitrary,
        "chunk_size": chunk_size,
        "floor_scale": floor_scale,
        "attn_scale": attn_scale,
    }
    return layer


def layer_spec(model_config, vp_stage=None):
    """For Megatron-LM, which calls it with its GPTModelConfig."""
    config = model_config.transformer
    spec = get_gpt_decoder_block_spec(
        config, use_transformer_engine=HAVE_TE, normalization=config.normalization, qk_l2_norm=config.qk_l2_norm, vp_stage=vp_stage
    )
    spec.layer_specs = [with_chunked_attention(layer) for layer in spec.layer_specs]
    return spec
