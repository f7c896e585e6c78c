# SPDX-License-Identifier: Apache-2.0
"""Lets megatron.bridge import on a CPU: packages that are not there, fusions off. Import before megatron.bridge, and tests/golden/
fake_te.py, where that is wanted, before this."""

import importlib.machinery
import os
import sys
import types

import shim  # noqa: F401

import megatron.core.dist_checkpointing  # noqa: F401  (settles megatron-core on "no TransformerEngine" first)
import megatron.core.extensions.transformer_engine  # noqa: F401
import megatron.core.models.gpt.gpt_layer_specs  # noqa: F401
import megatron.core.models.gpt.gpt_model  # noqa: F401

FAKE_TE = "transformer_engine" in sys.modules
# Packages that Bridge imports at the top of files whose parts are not used here.
ABSENT = ("qwen_vl_utils", "timm", "webdataset", "open_clip") + (() if FAKE_TE else ("transformer_engine", "transformer_engine_torch"))
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
    "bias_dropout_fusion", "cross_entropy_loss_fusion", "persist_layer_norm", "moe_permute_fusion", "moe_router_fusion",
) + (() if FAKE_TE else ("moe_grouped_gemm",))
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
