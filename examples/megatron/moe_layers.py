# SPDX-License-Identifier: Apache-2.0
"""Layers of experts that Megatron-Core has no setting for: its own layers, each with one part changed."""

import functools

import torch
from decoder_layers import DecoderLayer, RotatedNormsAttention, key_norm, query_norm
from megatron.core.extensions.transformer_engine import HAVE_TE
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_decoder_block_spec
from megatron.core.transformer.moe.moe_layer import MoESubmodules
from megatron.core.transformer.moe.router import TopKRouter


def moe_layer_spec(change):
    """A spec for Megatron-LM, which calls it with its GPTModelConfig. `change` is called with each layer's spec."""

    def layer_spec(model_config, vp_stage=None):
        config = model_config.transformer
        spec = get_gpt_decoder_block_spec(
            config, use_transformer_engine=HAVE_TE, normalization=config.normalization, vp_stage=vp_stage
        )
        for layer in spec.layer_specs:
            change(layer)
        return spec

    return layer_spec


def multiply_residuals(layer, multiplier=0.22):
    layer.module, layer.params = DecoderLayer, {"residual_multiplier": multiplier}


def rotate_before_norms(layer):
    layer.submodules.self_attention.module = RotatedNormsAttention


def normalize_over_heads(layer):
    attention = layer.submodules.self_attention.submodules
    attention.q_layernorm, attention.k_layernorm = query_norm, key_norm


class CorrectedSoftmaxRouter(TopKRouter):
    """Scores that are a softmax over all experts and that expert_bias corrects for the choice. Megatron-Core corrects
    sigmoids only, so it gets logits whose sigmoid the softmax is."""

    def routing(self, logits, *args, **kwargs):
        scores = torch.softmax(logits, dim=-1, dtype=torch.float32)
        return super().routing(torch.logit(scores.clamp(max=1 - 1e-7)), *args, **kwargs)


def correct_softmax(layer):
    """Layers of experts are partial functions in Megatron-Core 0.19, specs in earlier ones."""
    mlp = layer.submodules.mlp
    parts = mlp.keywords.get("submodules") if isinstance(mlp, functools.partial) else mlp.submodules
    if isinstance(parts, MoESubmodules):
        parts.router = CorrectedSoftmaxRouter
