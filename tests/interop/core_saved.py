# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that megatron-core itself saves, for mhub to export: python core_saved.py CASES.json, one process per rank.

A case: name, hf, megatron (a converted folder to start from), out, tp, keys (stacked, layers, singleton), prefix, args (whether
the checkpoint describes itself), format. The model is loaded, trained for a step (so that nothing of it is as converted), and
saved with its optimizer as Megatron-LM does. Rank 0 leaves trained.npz in `out`: ids and the real model's logits.
"""

import argparse
import inspect
import json
import os
import sys

import numpy as np
import torch

import torch.distributed.checkpoint.filesystem as torch_filesystem

_write_item = torch_filesystem._write_item


def write_item_for_older_cores(*args, **kwargs):
    """torch 2.8 added a format without a default, which megatron-core 0.12 does not pass."""
    if len(args) < len(inspect.signature(_write_item).parameters):
        kwargs.setdefault("serialization_format", torch_filesystem.SerializationFormat.TORCH_SAVE)
    return _write_item(*args, **kwargs)


if "serialization_format" in inspect.signature(_write_item).parameters:
    torch_filesystem._write_item = write_item_for_older_cores

import shim
from core_logits import load_args, load_weights
from gpt_model import build, iteration_folder, logits
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.dist_checkpointing.mapping import ShardedObject
from megatron.core.distributed import DistributedDataParallelConfig
from megatron.core.optimizer import OptimizerConfig, get_megatron_optimizer

METADATA = {"stacked": {}, "layers": {"non_homogeneous_layers": True}, "singleton": {"singleton_local_shards": True}}
ITERATION = 5


def train_a_step(model):
    """Megatron's own optimizer, once, with made-up gradients that are the same on all ranks for replicated parameters."""
    model.ddp_config = DistributedDataParallelConfig(use_distributed_optimizer=False)
    config = OptimizerConfig(optimizer="adam", lr=2e-2, bf16=False, fp16=False, params_dtype=torch.float32, clip_grad=0.0, weight_decay=0.0)
    optimizer = get_megatron_optimizer(config, [model])
    rank = parallel_state.get_tensor_model_parallel_rank()
    for number, (name, parameter) in enumerate(model.named_parameters()):
        split = getattr(parameter, "tensor_model_parallel", False)
        generator = torch.Generator().manual_seed(number * 100 + (rank if split else 0))
        parameter.main_grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step()
    return optimizer


def plain_args(args):
    """What Megatron-LM would have recorded: nothing that only mhub writes."""
    kept = {key: value for key, value in vars(args).items() if not key.startswith("hf_") and key != "vocab_size"}
    return argparse.Namespace(**kept, bias_gelu_fusion=True)


def save_dist(case, args, model, optimizer, folder):
    metadata = METADATA[case["keys"]]
    model_state = model.sharded_state_dict(prefix=case["prefix"], metadata=metadata)
    state = {"checkpoint_version": 3.0, "iteration": ITERATION, "model": model_state, "opt_param_scheduler": {"lr": 0.1}}
    try:
        state["optimizer"] = optimizer.sharded_state_dict(model_state, metadata=metadata)
    except TypeError:  # cores before 0.15 have no metadata there
        state["optimizer"] = optimizer.sharded_state_dict(model_state)
    state["rng_state"] = ShardedObject("rng_state", [{"seed": 1}], (1, 1), (0, 0), replica_id=torch.distributed.get_rank())
    if case["args"]:
        state["args"] = plain_args(args)
    os.makedirs(folder, exist_ok=True)
    torch.distributed.barrier()
    dist_checkpointing.save(state, folder)


def save_ranks(case, args, model, optimizer, folder):
    rank = parallel_state.get_tensor_model_parallel_rank()
    path = os.path.join(folder, f"mp_rank_{rank:02d}")
    os.makedirs(path, exist_ok=True)
    state = {"checkpoint_version": 3.0, "iteration": ITERATION, "args": plain_args(args),
             "model": {case["prefix"] + key: value for key, value in model.state_dict().items()},
             "optimizer": optimizer.state_dict(), "rng_state": [{"seed": 1}]}
    torch.save(state, os.path.join(path, "model_optim_rng.pt"))


def run(case):
    shim.init_process_group()
    parallel_state.initialize_model_parallel(tensor_model_parallel_size=case["tp"])
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    source = iteration_folder(case["megatron"])
    args = load_args(source, {"format": "torch_dist"})
    model = build(args, case["tp"], 1)
    load_weights(model, source, {"format": "torch_dist"})
    optimizer = train_a_step(model)
    folder = os.path.join(case["out"], f"iter_{ITERATION:07d}")
    (save_dist if case["format"] == "torch_dist" else save_ranks)(case, args, model, optimizer, folder)
    out = logits(model, args, torch.tensor(golden["ids"]))
    if torch.distributed.get_rank() == 0:
        with open(os.path.join(case["out"], "latest_checkpointed_iteration.txt"), "w") as tracker:
            tracker.write(str(ITERATION))
        np.savez(os.path.join(case["out"], "trained.npz"), ids=golden["ids"], logits=out.float().numpy())
    torch.distributed.barrier()


def main():
    world = int(os.environ["WORLD_SIZE"])
    for case in json.load(open(sys.argv[1])):
        if case["tp"] == world:
            with shim.CudaToCpu():
                run(case)


if __name__ == "__main__":
    main()
