# SPDX-License-Identifier: Apache-2.0
"""Loads converted folders into megatron-core's GPTModel and compares logits with transformers'.

python core_logits.py CASES.json, one process per rank (ranks.py): takes the cases whose tp * pp is
the world size. A case: name, hf, megatron, format, tp, pp and, where it
needs one, spec (a module of examples/megatron) or build (a module here whose `build` makes the model). Rank 0 of the last stage prints one JSON line a case.
"""

import argparse
import importlib
import json
import os
import sys

import numpy as np
import torch

import shim
import arch_judges
from gpt_model import TOLERANCE, build, difference, iteration_folder, logits
from megatron.core import dist_checkpointing, parallel_state


# Megatron-Core registers this one itself from 0.15 on (safe_globals.py).
torch.serialization.add_safe_globals([argparse.Namespace])


def rank_file(folder, case):
    tp, pp = parallel_state.get_tensor_model_parallel_rank(), parallel_state.get_pipeline_model_parallel_rank()
    name = f"mp_rank_{tp:02d}" + (f"_{pp:03d}" if case["pp"] > 1 else "")
    return os.path.join(folder, name, "model_optim_rng.pt")


def load_args(folder, case):
    """The checkpoint's args, through torch's restricted loader."""
    path = os.path.join(folder, "common.pt") if case["format"] == "torch_dist" else rank_file(folder, case)
    return torch.load(path, weights_only=True)["args"]


def load_weights(model, folder, case):
    if case["format"] == "torch_dist":
        state = dist_checkpointing.load({"model": model.sharded_state_dict(prefix="")}, folder)
        model.load_state_dict(state["model"], strict=True)
        return
    state = torch.load(rank_file(folder, case), weights_only=True)["model"]
    model.load_state_dict(state, strict=True)


def run(case):
    shim.init_process_group()
    parallel_state.initialize_model_parallel(
        tensor_model_parallel_size=case["tp"], pipeline_model_parallel_size=case["pp"]
    )
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    folder = iteration_folder(case["megatron"])
    args = load_args(folder, case)
    with arch_judges.plain_gpt_model():
        make = importlib.import_module(case["build"]).build if case.get("build") else build
        model = make(args, case["tp"], case["pp"], arch_judges.layer_spec(case.get("spec")))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))  # a parameter that is not loaded must show
    load_weights(model, folder, case)
    out = logits(model, args, torch.tensor(golden["ids"]))
    if out is None or parallel_state.get_tensor_model_parallel_rank() != 0:
        return None
    error = difference(out, golden)
    return {"name": case["name"], "ok": error <= TOLERANCE, "detail": f"logits differ by {error:.1e} of scale"}


def main():
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    for case in json.load(open(sys.argv[1])):
        if case["tp"] * case["pp"] != world:
            continue
        try:
            with shim.CudaToCpu():
                result = run(case)
        except Exception as error:  # every rank goes on with the next case together
            result = {"name": case["name"], "ok": False, "detail": f"rank {rank}: {type(error).__name__}: {str(error)[:600]}"}
        if result:
            print("RESULT " + json.dumps(result), flush=True)
        torch.distributed.barrier()


if __name__ == "__main__":
    main()
