# SPDX-License-Identifier: Apache-2.0
"""Lets megatron.bridge import and run on a CPU without TransformerEngine: local layer spec, fusions off."""

import importlib.machinery
import os
import sys
import types

import shim  # noqa: F401

import megatron.core.dist_checkpointing  # noqa: F401  (settles megatron-core on "no TransformerEngine" first)
import megatron.core.extensions.transformer_engine  # noqa: F401
import megatron.core.models.gpt.gpt_layer_specs  # noqa: F401
import megatron.core.models.gpt.gpt_model  # noqa: F401

# Packages that Bridge imports at the top of files whose parts are not used here.
ABSENT = ("transformer_engine", "transformer_engine_torch", "qwen_vl_utils", "timm", "webdataset", "open_clip")
ABSENT_PREFIXES = ("megatron.energon", "nvidia_resiliency_ext")


class _AnyClass(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _AnyClass(name, (object,), {})


class _AnyModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _AnyClass(name, (object,), {})
        setattr(self, name, value)
        return value


class _Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT or name.startswith(ABSENT_PREFIXES):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = _AnyModule(spec.name)
        module.__path__ = []
        module.__version__ = "2.20.0"
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, _Finder())

from megatron.core.transformer.transformer_config import TransformerConfig

_FUSIONS = (
    "apply_rope_fusion", "gradient_accumulation_fusion", "bias_activation_fusion", "masked_softmax_fusion",
    "bias_dropout_fusion", "cross_entropy_loss_fusion", "persist_layer_norm", "moe_permute_fusion",
    "moe_grouped_gemm", "moe_router_fusion",
)
_post_init = TransformerConfig.__post_init__


def _cpu_post_init(self):
    for name in _FUSIONS:
        if hasattr(self, name):
            setattr(self, name, False)
    self.use_cpu_initialization = True
    _post_init(self)


TransformerConfig.__post_init__ = _cpu_post_init

# ModelOpt's state is looked for on every load; nothing here has one.
_modelopt = types.ModuleType("megatron.bridge.training.post_training.checkpointing")
_modelopt.has_modelopt_state = lambda *args, **kwargs: False
_modelopt.load_modelopt_state = lambda *args, **kwargs: None
_modelopt.get_modelopt_checkpoint_path = lambda path: path
sys.modules["megatron.bridge.training.post_training.checkpointing"] = _modelopt

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

import delta_net  # noqa: F401  (the block spec of gated delta nets)

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
