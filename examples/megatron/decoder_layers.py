# SPDX-License-Identifier: Apache-2.0
"""Transformer layers that Megatron-Core, or Megatron-LM's command line, has no setting for, as layer specs: attention and MLP
side by side, norms behind them, a multiplier on what they add, norms on q and k over all heads or with a weight for each,
or behind the rotation, LayerNorm without bias, another gated activation, one with parameters, capped attention logits, a
rotary base of their own for layers with a window.

Parameters have the names that mhub writes, so a converted torch_dist checkpoint loads with default strictness. With
TransformerEngine its linear layers and attention are used, else Megatron-Core's own.
"""

import copy
import functools

import torch
from megatron.core import parallel_state
from megatron.core.extensions.transformer_engine import HAVE_TE, TENorm
from megatron.core.models.backends import LocalSpecProvider
from megatron.core.models.common.embeddings.rotary_pos_embedding import RotaryEmbedding
from megatron.core.tensor_parallel.mappings import (
    copy_to_tensor_model_parallel_region,
    reduce_from_tensor_model_parallel_region,
)
from megatron.core.transformer.attention import SelfAttention, SelfAttentionSubmodules
from megatron.core.transformer.dot_product_attention import DotProductAttention
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.mlp import MLP, MLPSubmodules
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.torch_norm import WrappedTorchNorm
from megatron.core.transformer.transformer_layer import TransformerLayer, TransformerLayerSubmodules
from megatron.core.transformer.utils import is_layer_window_attention, make_sharded_tensors_for_checkpoint

if HAVE_TE:
    from megatron.core.extensions.transformer_engine_spec_provider import TESpecProvider

    @functools.lru_cache(maxsize=None)
    def _without_state(norm):
        plain = {name: getattr(torch.nn.Module, name) for name in ("get_extra_state", "set_extra_state")}
        return type(norm.__name__, (norm,), plain)

    class PlainTENorm:
        """TransformerEngine's norm without the object that its modules keep for FP8 (`_extra_state`), which a norm does
        not use. The checkpoints have one for the linear layer behind the norm, where the fused layers keep theirs."""

        def __new__(cls, *args, **kwargs):
            module = TENorm(*args, **kwargs)
            module.__class__ = _without_state(type(module))
            return module

    BACKEND, NORM = TESpecProvider(), PlainTENorm
else:
    BACKEND, NORM = LocalSpecProvider(), WrappedTorchNorm


class DecoderLayer(TransformerLayer):
    """x + m attention(norm(x)) + m mlp(norm'(x)) in parallel, or one after the other. `shared_norm`: in parallel, the
    MLP reads what attention's norm gives. `gated_activation`: of the MLP, which is gated then. `activation`: builds a
    module that is the activation of the MLP. `rotary_base_local`: of layers with a window, whose positions nothing
    scales. Activation recomputation and offloading within the layer are not supported."""

    def __init__(
        self,
        config,
        submodules,
        *args,
        parallel=False,
        shared_norm=False,
        residual_multiplier=1.0,
        gated_activation=None,
        activation=None,
        rotary_base_local=None,
        **kwargs,
    ):
        if gated_activation is not None or activation is not None:
            config = copy.copy(config)
            config.bias_activation_fusion = False
        if gated_activation is not None:
            config.gated_linear_unit, config.activation_func = True, gated_activation
        super().__init__(config, submodules, *args, **kwargs)
        if activation is not None:
            self.mlp.activation_func = activation(config)
        self.parallel, self.shared_norm, self.residual_multiplier = parallel, shared_norm, residual_multiplier
        self.rotary_local = None
        windowed = is_layer_window_attention(config.window_size, config.window_attn_skip_freq, self.layer_number)
        if rotary_base_local is not None and windowed:
            # Attention multiplies by YaRN's factor, too; a scaling by 1 has a factor of 1. Megatron-Core 0.19 keeps it.
            self.self_attention.config = copy.copy(config)
            self.self_attention.config.yarn_rotary_scaling_factor = 1.0
            self.self_attention._yarn_concentration_factor = 1.0
            self.rotary_local = RotaryEmbedding(
                config.kv_channels,
                rotary_percent=1.0,
                rotary_base=rotary_base_local,
                use_cpu_initialization=config.use_cpu_initialization,
            )

    def _branch(self, output_with_bias):
        output, bias = output_with_bias
        if bias is not None:
            output = output + bias
        output = torch.nn.functional.dropout(output, self.hidden_dropout, self.training)
        return output * self.residual_multiplier if self.residual_multiplier != 1.0 else output

    def forward(self, hidden_states, attention_mask=None, context=None, context_mask=None, padding_mask=None, **kwargs):
        if self.rotary_local is not None:
            kwargs["rotary_pos_emb"] = self.rotary_local(kwargs["rotary_pos_emb"].shape[0])
        normed = self.input_layernorm(hidden_states)
        attention = self._branch(self.self_attention(normed, attention_mask=attention_mask, **kwargs))
        if not self.parallel:
            hidden_states = hidden_states + attention
            return hidden_states + self._branch(self.mlp(self.pre_mlp_layernorm(hidden_states))), context
        mlp = self._branch(self.mlp(normed if self.shared_norm else self.pre_mlp_layernorm(hidden_states)))
        return hidden_states + attention + mlp, context


@functools.lru_cache(maxsize=None)
def with_post_norm(linear):
    """A row-parallel layer with a norm behind it, `post_layernorm`. The layer must have no bias."""

    class LinearWithPostNorm(linear):
        def __init__(self, input_size, output_size, *, config, **kwargs):
            super().__init__(input_size, output_size, config=config, **kwargs)
            self.post_layernorm = NORM(config=config, hidden_size=output_size, eps=config.layernorm_epsilon)

        def forward(self, *args, **kwargs):
            output, bias = super().forward(*args, **kwargs)
            assert bias is None, "a norm behind a bias that is added later"
            return self.post_layernorm(output), None

    return LinearWithPostNorm


class NormOverHeads(torch.nn.Module):
    """RMSNorm over all heads of q or k together. Every rank keeps the whole weight and applies its heads' part."""

    def __init__(self, heads, head_dim, eps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(heads * head_dim))
        self.eps = eps

    def forward(self, x):
        flat = x.flatten(-2).float()
        parts = self.weight.numel() // flat.shape[-1]
        total = flat.square().sum(-1, keepdim=True)
        weight = self.weight
        if parts > 1:
            # Summed over ranks going forward, and their gradients going backward.
            total = copy_to_tensor_model_parallel_region(reduce_from_tensor_model_parallel_region(total))
            weight = copy_to_tensor_model_parallel_region(weight)
            weight = weight.chunk(parts)[parallel_state.get_tensor_model_parallel_rank()]
        normed = flat * torch.rsqrt(total / self.weight.numel() + self.eps)
        return (normed.to(x.dtype) * weight).view_as(x)


def query_norm(config, hidden_size, eps):
    return NormOverHeads(config.num_attention_heads, hidden_size, eps)


def key_norm(config, hidden_size, eps):
    return NormOverHeads(config.num_query_groups, hidden_size, eps)


class NormPerHead(torch.nn.Module):
    """LayerNorm of each head, without bias, with a weight for each. Every rank keeps all weights and applies its heads'."""

    def __init__(self, heads, head_dim, eps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(heads * head_dim))
        self.eps = eps

    def forward(self, x):
        weight, parts = self.weight, self.weight.numel() // (x.shape[-2] * x.shape[-1])
        if parts > 1:
            weight = copy_to_tensor_model_parallel_region(weight)
            weight = weight.chunk(parts)[parallel_state.get_tensor_model_parallel_rank()]
        normed = torch.nn.functional.layer_norm(x.float(), x.shape[-1:], eps=self.eps)
        return (normed * weight.view(x.shape[-2:])).to(x.dtype)


def query_norm_per_head(config, hidden_size, eps):
    return NormPerHead(config.num_attention_heads, hidden_size, eps)


def key_norm_per_head(config, hidden_size, eps):
    return NormPerHead(config.num_query_groups, hidden_size, eps)


class RotatedNormsAttention(SelfAttention):
    """Norms on q and k behind the rotation; Megatron-Core's attention has them in front of it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.core_attention.register_forward_pre_hook(self._normalize)

    def _normalize(self, _module, inputs):
        query, key, *rest = inputs
        return (self.q_layernorm(query), self.k_layernorm(key), *rest)

    def get_query_key_value_tensors(self, *args, **kwargs):
        norms = self.q_layernorm, self.k_layernorm
        self.q_layernorm = self.k_layernorm = None
        try:
            return super().get_query_key_value_tensors(*args, **kwargs)
        finally:
            self.q_layernorm, self.k_layernorm = norms


class XIELU(torch.nn.Module):
    """alpha_p x^2 + x / 2 above 0, else alpha_n (exp(x) - 1 - x) + x / 2, with two parameters (arXiv 2411.13010)."""

    def __init__(self, config):
        super().__init__()
        device = "cpu" if config.use_cpu_initialization else torch.cuda.current_device()
        self.alpha_p, self.alpha_n = (
            torch.nn.Parameter(torch.zeros(1, dtype=config.params_dtype, device=device)) for _ in range(2)
        )

    def forward(self, x):
        softplus = torch.nn.functional.softplus
        bent = (torch.expm1(torch.clamp(x, max=-1e-6)) - x) * (0.5 + softplus(self.alpha_n))
        return torch.where(x > 0, softplus(self.alpha_p) * x * x, bent) + 0.5 * x

    def sharded_state_dict(self, prefix="", sharded_offsets=(), metadata=None):
        # MLP would make them parameters of one tensor-parallel rank.
        return make_sharded_tensors_for_checkpoint(self.state_dict(keep_vars=True), prefix, {}, sharded_offsets)


def norm_without_bias(config, hidden_size, eps):
    return torch.nn.LayerNorm(hidden_size, eps=eps, bias=False)


class Capped(torch.nn.Module):
    """A softmax over cap * tanh(scores / cap)."""

    def __init__(self, softmax, cap):
        super().__init__()
        self.softmax, self.cap = softmax, cap

    def forward(self, scores, *args, **kwargs):
        return self.softmax(self.cap * torch.tanh(scores / self.cap), *args, **kwargs)


@functools.lru_cache(maxsize=None)
def capped_attention(cap):
    """Megatron-Core's own attention, which is not fused, with capped logits; TransformerEngine's has no cap."""

    class CappedDotProductAttention(DotProductAttention):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.scale_mask_softmax = Capped(self.scale_mask_softmax, cap)

    return CappedDotProductAttention


def gelu_tanh(x):
    return torch.nn.functional.gelu(x, approximate="tanh")


def decoder_layer_spec(
    parallel=False,
    shared_norm=False,
    pre_norms=True,
    post_norms=False,
    residual_multiplier=1.0,
    qk_norms=None,
    norm=NORM,
    gated_activation=None,
    activation=None,
    rotary_base_local=None,
    attention=SelfAttention,
    core_attention=None,
):
    """A spec for GPTModel and for Megatron-LM's --spec. `qk_norms`: builders of the norms on q and k."""
    row = with_post_norm(BACKEND.row_parallel_linear()) if post_norms else BACKEND.row_parallel_linear()
    q_norm, k_norm = qk_norms or (IdentityOp, IdentityOp)
    return ModuleSpec(
        module=DecoderLayer,
        params={
            "parallel": parallel,
            "shared_norm": shared_norm,
            "residual_multiplier": residual_multiplier,
            "gated_activation": gated_activation,
            "activation": activation,
            "rotary_base_local": rotary_base_local,
        },
        submodules=TransformerLayerSubmodules(
            input_layernorm=norm if pre_norms else IdentityOp,
            self_attention=ModuleSpec(
                module=attention,
                params={"attn_mask_type": AttnMaskType.causal},
                submodules=SelfAttentionSubmodules(
                    linear_qkv=BACKEND.column_parallel_linear(),
                    core_attention=core_attention or BACKEND.core_attention(),
                    linear_proj=row,
                    q_layernorm=q_norm,
                    k_layernorm=k_norm,
                ),
            ),
            pre_mlp_layernorm=norm if pre_norms and not shared_norm else IdentityOp,
            mlp=ModuleSpec(
                module=MLP, submodules=MLPSubmodules(linear_fc1=BACKEND.column_parallel_linear(), linear_fc2=row)
            ),
            # On disk a norm belongs to the linear layer that follows it, as with TransformerEngine's fused layers.
            sharded_state_dict_keys_map={
                "input_layernorm.": "self_attention.linear_qkv.layer_norm_",
                "pre_mlp_layernorm.": "mlp.linear_fc1.layer_norm_",
            },
        ),
    )
