# SPDX-License-Identifier: Apache-2.0
"""A stand-in for TransformerEngine: modules that register the parameters and the module object of the real ones and compute
nothing, so that megatron-core's TE specs can be built, and asked for their state, without a GPU. install() comes before
anything of megatron. Names and shapes follow transformer_engine 2.x: pytorch/module/{linear,layernorm_linear,grouped_linear,
layernorm,rmsnorm}.py, pytorch/module/base.py (get_extra_state), pytorch/attention (softmax_offset)."""

import importlib.machinery
import sys
import types

import torch

PACKAGES = ("transformer_engine", "transformer_engine_torch")
VERSION = "2.8.0"


class _Named(type):
    """A class whose attributes are such classes again."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(name, (_Anything,), {})


class _Anything(metaclass=_Named):
    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if args else None


class _Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = _Named(name, (_Anything,), {})
        setattr(self, name, value)
        return value


class _Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in PACKAGES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = _Module(spec.name)
        module.__path__ = []
        module.__version__ = VERSION
        return module

    def exec_module(self, module):
        pass


class Base(torch.nn.Module):
    """TransformerEngineBaseModule: every module with weights has an object, "_extra_state"."""

    def __init__(self):
        super().__init__()
        self.fp8_meta = {"fp8_checkpoint": False}
        self.fp8 = self.fp8_calibration = False

    def init_fp8_metadata(self, num_gemms=1):
        pass

    def set_tensor_parallel_group(self, group):
        pass

    def get_extra_state(self):
        return torch.empty(0, dtype=torch.uint8)

    def set_extra_state(self, state):
        pass

    def parameter(self, name, *shape, dtype=None):
        self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape, dtype=dtype or torch.float32)))


class Linear(Base):
    def __init__(self, in_features, out_features, bias=True, parallel_mode=None, tp_size=1, params_dtype=None, **_):
        super().__init__()
        self.use_bias, self.parallel_mode, self.tp_size = bias, parallel_mode, tp_size
        self.in_features, self.out_features = in_features, out_features
        rows = out_features // tp_size if parallel_mode == "column" else out_features
        columns = in_features // tp_size if parallel_mode == "row" else in_features
        self.make(rows, columns, bias, params_dtype)

    def make(self, rows, columns, bias, dtype):
        self.parameter("weight", rows, columns, dtype=dtype)
        if bias:
            self.parameter("bias", rows, dtype=dtype)
        else:
            self.bias = torch.Tensor()


class LayerNormLinear(Linear):
    def __init__(self, in_features, out_features, normalization="LayerNorm", params_dtype=None, **kwargs):
        super().__init__(in_features, out_features, params_dtype=params_dtype, **kwargs)
        self.parameter("layer_norm_weight", in_features, dtype=params_dtype)
        if normalization == "RMSNorm":
            self.layer_norm_bias = None
        else:
            self.parameter("layer_norm_bias", in_features, dtype=params_dtype)


class GroupedLinear(Linear):
    def __init__(self, num_gemms, in_features, out_features, **kwargs):
        object.__setattr__(self, "num_gemms", num_gemms)  # before nn.Module is ready: make() needs it
        super().__init__(in_features, out_features, **kwargs)
        self.num_gemms = num_gemms

    def make(self, rows, columns, bias, dtype):
        for expert in range(self.num_gemms):
            self.parameter(f"weight{expert}", rows, columns, dtype=dtype)
            if bias:
                self.parameter(f"bias{expert}", rows, dtype=dtype)
            else:
                setattr(self, f"bias{expert}", torch.Tensor())


class LayerNorm(Base):
    def __init__(self, normalized_shape, params_dtype=None, **_):
        super().__init__()
        self.parameter("weight", normalized_shape, dtype=params_dtype)
        self.parameter("bias", normalized_shape, dtype=params_dtype)


class RMSNorm(Base):
    def __init__(self, normalized_shape, params_dtype=None, **_):
        super().__init__()
        self.parameter("weight", normalized_shape, dtype=params_dtype)


class DotProductAttention(Base):
    def __init__(self, num_attention_heads, kv_channels, softmax_type="vanilla", tp_size=1, **_):
        super().__init__()
        if softmax_type == "learnable":
            self.parameter("softmax_offset", num_attention_heads // tp_size)

        def may_miss_its_object(module, incompatible):  # the real one's remove_extra_states_check
            incompatible.missing_keys[:] = [key for key in incompatible.missing_keys if "core_attention._extra_state" not in key]

        self.register_load_state_dict_post_hook(may_miss_its_object)


def install():
    sys.meta_path.insert(0, _Finder())
    import transformer_engine
    import transformer_engine.pytorch as pytorch
    import transformer_engine.pytorch.cpu_offload as cpu_offload

    transformer_engine.pytorch = pytorch
    for module in (Linear, LayerNormLinear, GroupedLinear, LayerNorm, RMSNorm, DotProductAttention):
        setattr(pytorch, module.__name__, module)
    cpu_offload.get_cpu_offload_context = lambda *args, **kwargs: (None, None)
