# SPDX-License-Identifier: Apache-2.0
"""Sparse attention on a CPU: Megatron-Core builds it of TransformerEngine's modules alone. Its own modules stand in here;
what they compute is the real DSAttention."""

import copy

import delta_net  # first: local specs for configs that name a variant of attention
import moe_model
from moe_model import WholeLinear
from megatron.core.models.gpt import experimental_attention_variant_module_specs as variant_specs
from megatron.core.models.gpt import gpt_layer_specs
from megatron.core.tensor_parallel.layers import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.spec_utils import ModuleSpec
from megatron.core.transformer.torch_norm import WrappedTorchNorm


class Backend:
    """A BackendSpecProvider of local modules, as far as sparse attention asks."""

    column_parallel_linear, row_parallel_linear = staticmethod(lambda: ColumnParallelLinear), staticmethod(lambda: RowParallelLinear)
    layer_norm = staticmethod(lambda **_: WrappedTorchNorm)
    linear = staticmethod(lambda: WholeLinear)


def attention_spec(config):
    """Megatron-Core's own spec; the down projections are split over ranks, as in its local layers."""
    spec = variant_specs.get_dsa_module_spec_for_backend(config, Backend)
    spec.submodules.linear_q_down_proj = spec.submodules.linear_kv_down_proj = ColumnParallelLinear
    spec.submodules.linear_q_proj = IdentityOp
    return spec


def local_layers(config, layers):
    """Specs of local layers with sparse attention."""
    layers = [copy.deepcopy(layer) for layer in layers]  # some are one object
    for layer in layers:
        layer.submodules.self_attention = attention_spec(config)
    return layers


_linear_block_spec = variant_specs.get_transformer_block_with_experimental_attention_variant_spec


def local_block_spec(config, vp_stage=None, pp_rank=None):
    """Stands in for get_transformer_block_with_experimental_attention_variant_spec."""
    if config.experimental_attention_variant != "dsa":
        return _linear_block_spec(config, vp_stage, pp_rank)
    spec = gpt_layer_specs.get_gpt_decoder_block_spec(config, use_transformer_engine=False, normalization=config.normalization)
    spec.layer_specs = local_layers(config, spec.layer_specs)
    return spec


variant_specs.get_transformer_block_with_experimental_attention_variant_spec = local_block_spec


def build(args, tp, pp, _spec=None):
    """The model of one rank, as moe_model.build."""
    return moe_model.build(args, tp, pp, layers=local_layers, sequence_parallel=tp > 1)
