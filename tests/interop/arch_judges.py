# SPDX-License-Identifier: Apache-2.0
"""Who computes logits from a converted folder, for architectures.py: megatron-core in this process, Megatron-Bridge in one
of its own (arch_bridge.py), because its stand-ins for TransformerEngine would be seen here."""

import argparse
import contextlib
import functools
import importlib
import importlib.util
import json
import logging
import os
import shlex
import subprocess
import sys

import absent
import numpy as np
import ranks
import shim
import torch
from gpt_model import TOLERANCE, build, difference, iteration_folder, logits
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.models.gpt import gpt_model as core_gpt_model
from megatron.core.transformer import torch_norm
from torch.distributed.checkpoint.api import CheckpointException  # not an Exception

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "megatron"))
torch.serialization.add_safe_globals([argparse.Namespace])


class ZeroCentered:
    """A norm that stores its weight minus one; Megatron-Core leaves those to TransformerEngine."""

    def forward(self, x):
        weight = self.weight + 1
        if isinstance(self, torch.nn.RMSNorm):
            return torch.nn.functional.rms_norm(x, self.normalized_shape, weight, self.eps)
        return torch.nn.functional.layer_norm(x, self.normalized_shape, weight, self.bias, self.eps)


class ZeroCenteredRMSNorm(ZeroCentered, torch.nn.RMSNorm):
    pass


class ZeroCenteredLayerNorm(ZeroCentered, torch.nn.LayerNorm):
    pass


def torch_norm_of(cls, config, hidden_size, eps=1e-5, **_):
    centered = config.layernorm_zero_centered_gamma
    if config.normalization == "RMSNorm":
        return (ZeroCenteredRMSNorm if centered else torch.nn.RMSNorm)(hidden_size, eps=eps)
    return (ZeroCenteredLayerNorm if centered else torch.nn.LayerNorm)(hidden_size, eps=eps)


torch_norm.WrappedTorchNorm.__new__ = torch_norm_of


def layer_spec(name):
    """The layer spec of a module of examples/megatron; None for none. Importing it may extend GPTModel, so `build` it
    inside plain_gpt_model()."""
    if name is None:
        return None
    sys.modules.pop(name, None)
    return importlib.import_module(name).layer_spec


@contextlib.contextmanager
def plain_gpt_model():
    """What a spec changes about GPTModel lasts for one model."""
    plain = core_gpt_model.GPTModel.__init__
    try:
        yield
    finally:
        core_gpt_model.GPTModel.__init__ = plain


def arguments(folder):
    """Megatron-LM's arguments in a torch_dist checkpoint, through torch's restricted loader."""
    return torch.load(os.path.join(iteration_folder(folder), "common.pt"), weights_only=True)["args"]


@functools.lru_cache(maxsize=None)
def megatron_parser():
    """Megatron-LM's parser; None where this megatron-core comes without it."""
    if importlib.util.find_spec("megatron.training") is None:
        return None
    from megatron.training.arguments import add_megatron_arguments

    return add_megatron_arguments(argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False))


def flags_problem(flags):
    """What Megatron-LM's parser has against the flags that mhub prints; None if nothing."""
    parser = megatron_parser()
    if parser is None:
        return None
    try:
        _, unknown = parser.parse_known_args(shlex.split(" ".join(flags)))
    except argparse.ArgumentError as problem:
        return str(problem)
    return f"Megatron-LM does not know {unknown}" if unknown else None


def core_logits(entry, folder, golden):
    """The deviation of megatron-core's logits, as a share of the largest."""
    shim.init_process_group()
    parallel_state.initialize_model_parallel()
    args = arguments(folder)
    folder = iteration_folder(folder)
    with plain_gpt_model():
        model = entry.get("build", build)(args, 1, 1, layer_spec(entry.get("spec")))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))  # a parameter that is not loaded must show
    state = dist_checkpointing.load({"model": model.sharded_state_dict(prefix="")}, folder)
    model.load_state_dict(state["model"], strict=True)
    return difference(logits(model, args, torch.tensor(golden["ids"])), golden)


def record(row, error, judge):
    row.cells["logits"], row.cells["judged by"] = f"{error:.0e}", judge
    if not error <= TOLERANCE:
        row.fail("logits", f"differ by {error:.1e} of scale")


def core(cases):
    """Fills the rows whose judge is megatron-core."""
    logging.getLogger("megatron").setLevel(logging.ERROR)
    for row, hf, folder in cases:
        judge = row.entry.get("judge")
        if judge is None:
            absent_judge = row.entry.get("absent", f"logits of {row.name}")
            row.cells["judged by"] = absent.named().get(absent_judge, "FAIL")
            row.not_run.append((absent_judge, row.name))
        if judge not in ("core", "spec"):
            continue
        try:
            with shim.CudaToCpu():
                error = core_logits(row.entry, folder, np.load(os.path.join(hf, "golden.npz")))
            spec = row.entry.get("spec")
            record(row, error, "megatron-core" if judge == "core" else f"layer spec {spec}")
        except (Exception, CheckpointException) as problem:
            row.fail("logits", f"{type(problem).__name__}: {str(problem)[:600]}")


def two_ranks(cases, scratch):
    """The same on two tensor-parallel ranks, for the rows that megatron-core judges (core_logits.py)."""
    chosen = [(row, {"name": row.name, "hf": hf, "megatron": row.folders["dist22"], "format": "torch_dist", "tp": 2, "pp": 1, "spec": row.entry.get("spec"), "build": row.entry.get("build_module")})
              for row, hf, _ in cases if row.entry.get("judge") in ("core", "spec") and ("build" not in row.entry or "build_module" in row.entry) and "dist22" in row.folders]
    if not chosen:
        return
    path = os.path.join(scratch, "two_ranks.json")
    json.dump([case for _, case in chosen], open(path, "w"))
    found, outputs = ranks.results(ranks.start("core_logits.py", path, 2))
    for row, _ in chosen:
        result = found.get(row.name, {"ok": False, "detail": f"no result: {' | '.join(output[-400:] for output in outputs)}"})
        if not result["ok"]:
            row.fail("logits", f"2 ranks: {result['detail']}")
        elif row.cells["logits"] != "FAIL":
            row.cells["logits"] += ", TP 2"


def results_of(script, *arguments):
    """The RESULT lines of a judge's own process by (name, column), and the end of what it said."""
    command = [sys.executable, os.path.join(HERE, script), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    lines = [json.loads(line[len("RESULT "):]) for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    return {(result["name"], result["column"]): result for result in lines}, {"problem": "no result: " + run.stderr[-600:]}


def megatron_lm(cases, scratch):
    """Fills the column of Megatron-LM's own path, for models that its arguments and a layer spec can express."""
    chosen = []
    for row, hf, folder in cases:
        spec = row.entry.get("spec")
        if row.entry.get("judge") in ("core", "spec") and row.entry.get("mlm", True):
            flags = row.flags + ([f"--spec {spec} layer_spec"] if spec else [])
            chosen.append((row, {"name": row.name, "hf": hf, "megatron": folder, "flags": flags, "modules": [spec] if spec else []}))
    if not chosen:
        return
    if megatron_parser() is None:
        for row, _ in chosen:
            row.not_run.append(("Megatron-LM", row.name))
        return
    path = os.path.join(scratch, "mlm.json")
    json.dump([case for _, case in chosen], open(path, "w"))
    found, missing = results_of("arch_mlm.py", path)
    for row, _ in chosen:
        result = found.get((row.name, "Megatron-LM"), missing)
        if result["problem"] or not result["error"] <= TOLERANCE:
            row.fail("Megatron-LM", result["problem"] or f"logits differ by {result['error']:.1e} of scale")
        else:
            row.cells["Megatron-LM"] = f"{result['error']:.0e}"


def bridge(cases, scratch):
    """Fills the rows that Megatron-Bridge judges: its provider's logits, its import's keys and bits."""
    chosen = [(row, {"name": row.name, "hf": hf, "megatron": folder, "dtype": row.entry.get("dtype", "float32"),
                     "logits": row.entry.get("judge") == "bridge" or bool(row.entry.get("bridge_logits")), "import": bool(row.entry.get("bridge")), "unread": row.entry.get("unread"), "names": row.folders.get(row.entry.get("bridge_names"))})
              for row, hf, folder in cases if row.entry.get("judge") == "bridge" or any(row.entry.get(word) for word in ("bridge", "bridge_logits", "bridge_names"))]
    if not chosen:
        return
    if importlib.util.find_spec("megatron.bridge") is None:
        for row, _ in chosen:
            row.not_run.append(("Megatron-Bridge", row.name))
        return
    path = os.path.join(scratch, "bridge.json")
    json.dump([case for _, case in chosen], open(path, "w"))
    found, missing = results_of("arch_bridge.py", path, scratch)
    for row, case in chosen:
        agreed = []
        if case["import"]:
            result = found.get((row.name, "bridge import"), missing)
            row.fail("Bridge", f"import: {result['problem']}") if result["problem"] else agreed.append("import equal")
        if row.entry.get("bridge_names"):
            result = found.get((row.name, "names"), missing)
            row.fail("Bridge", f"names: {result['problem']}") if result["problem"] else agreed.append("names equal")
        if case["logits"]:
            result = found.get((row.name, "logits"), missing)
            if result["problem"] or not result["error"] <= TOLERANCE:
                row.fail("Bridge", f"logits: {result['problem'] or result['error']}")
            elif row.entry["judge"] == "bridge":
                record(row, result["error"], "Megatron-Bridge")
            else:
                agreed.append(f"logits {result['error']:.0e}")
        row.cells.setdefault("Bridge", ", ".join(agreed) or "-")
