# SPDX-License-Identifier: Apache-2.0
"""Lets megatron.bridge import and run on a CPU without TransformerEngine: local layer spec, fusions off."""

import bridge_base  # noqa: F401

# Bridges of models with layers of experts ask for TransformerEngine's block spec by name, so before they are imported:
import megatron.core.models.gpt.gpt_layer_specs as _specs
from megatron.core.transformer.identity_op import IdentityOp

_block_spec = _specs.get_gpt_decoder_block_spec


def _without_query_norm(layer, config):
    """The local spec asks for a norm that nothing would use where queries have no low-rank projection."""
    if getattr(config, "multi_latent_attention", False) and config.q_lora_rank is None:
        layer.submodules.self_attention.submodules.q_layernorm = IdentityOp
    return layer


def _local_block_spec(config, use_transformer_engine=False, normalization=None, **kwargs):
    spec = _block_spec(config, use_transformer_engine=False, normalization=config.normalization, **kwargs)
    for layer in spec.layer_specs:
        _without_query_norm(layer, config)
    return spec


_specs.get_gpt_decoder_block_spec = _local_block_spec

_mtp_block_spec = _specs.get_gpt_mtp_block_spec
_specs.get_gpt_mtp_block_spec = lambda config, spec, use_transformer_engine=False, **kwargs: _mtp_block_spec(
    config, spec, use_transformer_engine=False, **kwargs)

import sparse_attention  # noqa: F401  (the block spec of it and of gated delta nets)

import megatron.bridge.models.gpt_provider as _provider
import megatron.bridge.models.model_provider as _model_provider
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec

_provider.transformer_engine_layer_spec = lambda config: _without_query_norm(get_gpt_layer_local_spec(
    num_experts=config.num_moe_experts, moe_grouped_gemm=False, qk_layernorm=config.qk_layernorm,
    multi_latent_attention=getattr(config, "multi_latent_attention", False),
    normalization="RMSNorm" if config.normalization == "RMSNorm" else None), config)
if hasattr(_model_provider, "model_parallel_cuda_manual_seed"):
    _model_provider.model_parallel_cuda_manual_seed = lambda *args, **kwargs: None

# Some bridges know TransformerEngine's names only: those of grouped experts and of norms that are fused into the linear layer
# behind them. On a CPU experts and norms are modules of their own.
import copy
import re

from megatron.bridge.models.conversion.mapping_registry import MegatronMappingRegistry

_registry_init = MegatronMappingRegistry.__init__


def _init_with_local_experts(self, *mappings):
    known = {mapping.megatron_param for mapping in mappings}
    more = []
    for mapping in mappings:
        local = re.sub(r"\.mlp\.experts\.(linear_fc[12])\.(weight|bias)\*$", r".mlp.experts.local_experts.*.\1.\2", mapping.megatron_param)
        local = re.sub(r"\.self_attention\.(linear_qkv|in_proj)\.layer_norm_", r".input_layernorm.", local)
        local = re.sub(r"\.mlp\.linear_fc1\.layer_norm_", r".pre_mlp_layernorm.", local)
        if local not in known:
            known.add(local)
            same = copy.copy(mapping)
            same.megatron_param = local
            more.append(same)
    _registry_init(self, *mappings, *more)


MegatronMappingRegistry.__init__ = _init_with_local_experts

from megatron.bridge import AutoBridge  # noqa: E402,F401
