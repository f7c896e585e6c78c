# SPDX-License-Identifier: Apache-2.0
"""Lets megatron-core build and run GPTModel on a CPU under gloo. Import before megatron.core's models."""

import contextlib
import datetime
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A machine without a compiler cache or a GPU must not try to compile kernels.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
for _name, _one in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1")):
    os.environ.setdefault(_name, _one)

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
from megatron.core import parallel_state

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


_groups_made = 0


def init_process_group():
    """gloo, anew: what is left of an earlier group ends with its threads. RANK and WORLD_SIZE (default: one rank) say who
    this is; several ranks meet at files named after RENDEZVOUS (ranks.py)."""
    global _groups_made
    drop_process_groups()
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = torch.distributed.HashStore() if world == 1 else torch.distributed.FileStore(f"{os.environ['RENDEZVOUS']}{_groups_made}", world)
    _groups_made += 1
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=datetime.timedelta(minutes=3))


def drop_process_groups():
    parallel_state.destroy_model_parallel()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


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
