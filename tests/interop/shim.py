"""Lets megatron-core build and run GPTModel on a CPU under gloo. Import before megatron.core's models."""

import contextlib
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A machine without a compiler cache or a GPU must not try to compile kernels.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

import torch

CPU = torch.device("cpu")
torch.cuda.current_device = lambda: CPU
torch.cuda.synchronize = lambda *args, **kwargs: None
torch.cuda.empty_cache = lambda: None
torch.cuda.set_device = lambda *args: None
torch.cuda.get_rng_state = lambda *args, **kwargs: torch.get_rng_state()


class _Stream:
    """Stands in for CUDA streams and events."""

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def wait_stream(self, *args):
        pass

    synchronize = wait_event = wait_stream

    def record_event(self, *args):
        return _Stream()


torch.cuda.Stream = torch.cuda.Event = _Stream
torch.cuda.current_stream = torch.cuda.default_stream = lambda *args, **kwargs: _Stream()
torch.cuda.stream = lambda *args, **kwargs: contextlib.nullcontext()

import megatron.core.tensor_parallel.random as _random

_random.CudaRNGStatesTracker.fork = lambda self, name="": contextlib.nullcontext()
_random.model_parallel_cuda_manual_seed = lambda *args, **kwargs: None


class CudaToCpu(torch.overrides.TorchFunctionMode):
    """Serves requests for a CUDA device from the CPU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if str(kwargs.get("device") or "").startswith("cuda"):
            kwargs["device"] = "cpu"
        if function is torch.Tensor.cuda:
            return args[0]
        args = tuple(
            "cpu"
            if (isinstance(a, str) and a.startswith("cuda"))
            or (isinstance(a, torch.device) and a.type == "cuda")
            else a
            for a in args
        )
        return function(*args, **kwargs)


def init_process_group():
    """gloo, from RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT."""
    torch.distributed.init_process_group("gloo")


def versions():
    """What is being compared with, on one line."""
    import importlib.metadata as metadata

    names = ["torch", "transformers", "megatron-core", "megatron-bridge"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} absent")
    return f"Python {sys.version.split()[0]}, " + ", ".join(found)
