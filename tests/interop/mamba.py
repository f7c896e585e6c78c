# SPDX-License-Identifier: Apache-2.0
"""Hybrid models with Mamba-2 mixers on a CPU: Megatron-Core's HybridModel and MambaMixer are real, built of local modules; torch forms
of two of mamba_ssm's functions stand in for its kernels. Import before anything that imports megatron.core.ssm."""

import importlib.machinery
import sys
import types

import torch

import shim  # noqa: F401  (first: patches CUDA away)


class GatedNorm(torch.nn.Module):
    """mamba_ssm.ops.triton.layernorm_gated.RMSNorm: each group on its own, behind the gate."""

    def __init__(self, hidden_size, eps, group_size, norm_before_gate, device, dtype):
        super().__init__()
        assert not norm_before_gate
        self.weight = torch.nn.Parameter(torch.ones(hidden_size, device=device, dtype=dtype))
        self.eps, self.group_size = eps, group_size

    def forward(self, x, z=None):
        if z is not None:
            x = x * torch.nn.functional.silu(z)
        groups = x.unflatten(-1, (-1, self.group_size))
        return self.weight * torch.nn.functional.rms_norm(groups, (self.group_size,), eps=self.eps).flatten(-2)


def split_conv1d_scan(zxbcdt, conv1d_weight, conv1d_bias, dt_bias, A, D, chunk_size, seq_idx, activation, headdim, ngroups, norm_before_gate):
    """mamba_ssm.ops.triton.ssd_combined.mamba_split_conv1d_scan_combined without a norm of its own: token by token."""
    assert activation == "silu" and seq_idx is None and not norm_before_gate
    heads, (batch, length, width) = len(A), zxbcdt.shape
    inner = heads * headdim
    state = (width - 2 * inner - heads) // (2 * ngroups)
    z, xbc, dt = zxbcdt.split([inner, inner + 2 * ngroups * state, heads], dim=-1)
    kernel = conv1d_weight.shape[-1]
    padded = torch.nn.functional.pad(xbc.transpose(1, 2), (kernel - 1, 0))
    xbc = torch.nn.functional.silu(torch.nn.functional.conv1d(padded, conv1d_weight[:, None], conv1d_bias, groups=len(conv1d_weight))).transpose(1, 2)
    x, b, c = xbc.split([inner, ngroups * state, ngroups * state], dim=-1)
    x = x.unflatten(-1, (heads, headdim))
    b, c = (part.unflatten(-1, (ngroups, state)).repeat_interleave(heads // ngroups, dim=2) for part in (b, c))
    dt = torch.nn.functional.softplus(dt + dt_bias)
    memory, out = torch.zeros(batch, heads, headdim, state), []
    for t in range(length):
        memory = memory * torch.exp(dt[:, t] * A)[..., None, None] + (dt[:, t, :, None] * x[:, t])[..., None] * b[:, t, :, None]
        out.append((memory * c[:, t, :, None]).sum(-1) + D[:, None] * x[:, t])
    return torch.stack(out, dim=1).flatten(-2) * torch.nn.functional.silu(z)


def chunk_scan(*args):
    raise NotImplementedError("inference's path is not run here")


def module(name, **members):
    made = types.ModuleType(name)
    made.__spec__ = importlib.machinery.ModuleSpec(name, None)
    made.__path__ = []
    for member, value in members.items():
        setattr(made, member, value)
    sys.modules[name] = made


assert "megatron.core.ssm.mamba_mixer" not in sys.modules
for package in ("mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.triton"):
    module(package)
module("mamba_ssm.ops.triton.layernorm_gated", RMSNorm=GatedNorm)
module("mamba_ssm.ops.triton.ssd_combined", mamba_split_conv1d_scan_combined=split_conv1d_scan, mamba_chunk_scan_combined=chunk_scan)

from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
from megatron.core.models.gpt.moe_module_specs import get_moe_module_spec
from megatron.core.models.hybrid import hybrid_block
from megatron.core.models.hybrid.hybrid_model import HybridModel
from megatron.core.ssm.mamba_layer import MambaLayer, MambaLayerSubmodules
from megatron.core.ssm.mamba_mixer import MambaMixer, MambaMixerSubmodules
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.multi_token_prediction import (
    MultiTokenPredictionBlock, MultiTokenPredictionBlockSubmodules, MultiTokenPredictionLayer, MultiTokenPredictionLayerSubmodules)
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.transformer_layer import MoETransformerLayer, TransformerLayerSubmodules

import hybrid_logits
import moe_model


def local_stack(args):
    """hybrid_logits.local_stack with Mamba layers and experts."""
    spec = hybrid_logits.local_stack(args)
    norm = get_gpt_layer_local_spec(normalization=args.normalization).submodules.input_layernorm
    spec.submodules.mamba_layer = ModuleSpec(module=MambaLayer, submodules=MambaLayerSubmodules(
        norm=norm, mixer=ModuleSpec(module=MambaMixer, submodules=MambaMixerSubmodules(in_proj=ColumnParallelLinear, out_proj=RowParallelLinear)),
        mamba_bda=get_bias_dropout_add, sharded_state_dict_keys_map={"norm.": "mixer.in_proj.layer_norm_"}))
    spec.submodules.mtp_block_spec = ModuleSpec(module=MultiTokenPredictionBlock, submodules=MultiTokenPredictionBlockSubmodules(layer_specs=[ModuleSpec(
        module=MultiTokenPredictionLayer, submodules=MultiTokenPredictionLayerSubmodules(enorm=norm, hnorm=norm, eh_proj=ColumnParallelLinear, mtp_model_layer=None, layer_norm=norm))]))
    if args.num_experts:
        moe = get_moe_module_spec(use_te=False, num_experts=args.num_experts, moe_grouped_gemm=False)
        spec.submodules.moe_layer = ModuleSpec(module=MoETransformerLayer, submodules=TransformerLayerSubmodules(
            pre_mlp_layernorm=norm, mlp=moe, mlp_bda=get_bias_dropout_add,
            sharded_state_dict_keys_map={"pre_mlp_layernorm.": "mlp.linear_fc1.layer_norm_"}))  # as get_gpt_layer_local_spec
    return spec


def build(args, tp, pp, spec=None):
    """The model of one rank, as moe_model.build. `spec`: with what examples/megatron/granite_hybrid.py changes, over local layers."""
    assert pp == 1
    config = moe_model.config_of(args)
    config.tensor_model_parallel_size = tp
    config.is_hybrid_model = True
    stack = local_stack(args)
    if spec is not None:
        import hybrid_layers  # arch_judges.py has put it on the path

        stack = hybrid_layers.multiplied_residuals(stack, 0.22)
    model = HybridModel(
        config, stack, vocab_size=args.padded_vocab_size, max_sequence_length=args.max_position_embeddings,
        hybrid_layer_pattern=args.hybrid_layer_pattern.replace("|", ""), parallel_output=False,
        share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
        position_embedding_type=args.position_embedding_type, rotary_percent=args.rotary_percent, rotary_base=args.rotary_base)
    return model.float().eval()
