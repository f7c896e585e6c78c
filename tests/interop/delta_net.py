# SPDX-License-Identifier: Apache-2.0
"""Layers of gated delta net on a CPU: Megatron-Core builds them of TransformerEngine's modules and asks for
flash-linear-attention. Its own deterministic mode computes with torch alone, but for a norm. Megatron-Bridge's providers leave
that mode off, so Megatron-Core's torch form of the delta rule and a plain convolution stand in for the kernels too."""

import copy

import torch

import shim  # noqa: F401  (first: patches CUDA away)

import moe_model
from megatron.core.models.gpt import experimental_attention_variant_module_specs as variant_specs
from megatron.core.models.gpt import gpt_layer_specs
from megatron.core.ssm.gated_delta_net import GatedDeltaNet, GatedDeltaNetSubmodules, common, gdn
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.torch_norm import WrappedTorchNorm

common.HAVE_FLA = True
common.l2norm = lambda x: x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)  # fla.modules.l2norm


def _convolution(x, weight, bias, activation, initial_state, output_final_state, cu_seqlens):
    """fla.modules.convolution.causal_conv1d of [batch, length, channels] with weight [channels, width]."""
    assert activation == "silu" and bias is None and initial_state is None and cu_seqlens is None and not output_final_state
    width = weight.shape[-1]
    padded = torch.nn.functional.pad(x.transpose(1, 2), (width - 1, 0))
    out = torch.nn.functional.conv1d(padded, weight[:, None], groups=len(weight))
    return torch.nn.functional.silu(out).transpose(1, 2), None


gdn.chunk_gated_delta_rule, gdn.causal_conv1d = gdn.torch_chunk_gated_delta_rule, _convolution
_layer_specs = gpt_layer_specs.get_gpt_decoder_layer_specs


def _attention_everywhere(config, *args, **kwargs):
    """Local specs know no variants of attention and refuse configs that have one; local_layers puts them in."""
    config = copy.copy(config)
    config.experimental_attention_variant = None
    return _layer_specs(config, *args, **kwargs)


gpt_layer_specs.get_gpt_decoder_layer_specs = _attention_everywhere


def local_layers(config, layers):
    """Specs of local layers with a delta net of local modules where there should be one."""
    layers = [copy.deepcopy(layer) for layer in layers]  # some are one object
    for linear, layer in zip(variant_specs.get_linear_attention_pattern(config), layers, strict=True):
        if linear:
            layer.submodules.self_attention = ModuleSpec(module=GatedDeltaNet, submodules=GatedDeltaNetSubmodules(
                in_proj=ColumnParallelLinear, out_norm=WrappedTorchNorm, out_proj=RowParallelLinear))
            layer.submodules.sharded_state_dict_keys_map = {
                **layer.submodules.sharded_state_dict_keys_map, "input_layernorm.": "self_attention.in_proj.layer_norm_"}
    return layers


def local_block_spec(config, vp_stage=None, pp_rank=None):
    """Stands in for get_transformer_block_with_experimental_attention_variant_spec."""
    spec = gpt_layer_specs.get_gpt_decoder_block_spec(config, use_transformer_engine=False, normalization=config.normalization)
    spec.layer_specs = local_layers(config, spec.layer_specs)
    return spec


variant_specs.get_transformer_block_with_experimental_attention_variant_spec = local_block_spec


def build(args, tp, pp, _spec=None):
    """The model of one rank, as moe_model.build."""
    return moe_model.build(args, tp, pp, layers=local_layers, deterministic_mode=True)
