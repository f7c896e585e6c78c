# SPDX-License-Identifier: Apache-2.0
"""`mhub plugins --compare` against transformers' own states: python compare_check.py MHUB SCRATCH [NAME...].

Tiny models of architectures.py, of every kind of layer: examples/plugin/golden.py writes down what transformers makes of some tokens, and
mhub must agree in every layer. Then one tensor of the second layer is another: mhub must part from transformers there and not before."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys

import architectures  # first: patches CUDA away

import numpy as np
import safetensors.torch

MHUB, SCRATCH = map(os.path.abspath, sys.argv[1:3])
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "plugin", "golden.py")
#: one for each kind of layer
NAMES = ["llama", "gpt2", "gemma2", "phi", "cohere2", "qwen3_moe", "deepseek_v3", "granite", "qwen3_next", "nemotron_h"]
LAYER = re.compile(r"(\.|^)(layers|h)\.(\d+)\.")


def golden(folder, output):
    arguments, sys.argv = sys.argv, [GOLDEN, folder, output]
    try:
        runpy.run_path(GOLDEN, run_name="__main__")
    finally:
        sys.argv = arguments


def compare(class_name, folder, output):
    run = subprocess.run([MHUB, "plugins", "--compare", class_name, folder, output, "--json"], capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise SystemExit(f"{class_name}: exit {run.returncode}: {run.stderr}")
    return run.returncode, json.loads(run.stdout)


def spoil(folder, layer):
    """Makes the matrices of one layer others; their names."""
    spoiled = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".safetensors"):
            continue
        tensors = safetensors.torch.load_file(os.path.join(folder, name))
        for key, tensor in tensors.items():
            found = LAYER.search(key)
            if found and int(found.group(3)) == layer and tensor.dim() > 1:
                tensors[key] = (tensor.float() * -1.5).to(tensor.dtype)
                spoiled.append(key)
        safetensors.torch.save_file(tensors, os.path.join(folder, name), metadata={"format": "pt"})
    return spoiled


def check(name):
    entry = architectures.MODELS[name]
    folder = os.path.join(SCRATCH, name)
    architectures.make(name, entry, folder)
    class_name = json.load(open(os.path.join(folder, "config.json")))["architectures"][0]
    states = os.path.join(SCRATCH, name + ".npy")
    golden(folder, states)
    code, report = compare(class_name, folder, states)
    problems = [] if code == 0 and report["equal"] else [f"parts in {report['parts_in']}: {report['places']}"]
    places = [one["place"] for one in report["places"]]
    with open(states, "rb") as file:
        np.load(file)
        layers = len(np.load(file)) - 1
    if len(places) != layers + 2:
        problems.append(f"{len(places)} places for {layers} layers: {places}")
    if not spoil(folder, 1):
        problems.append("no tensor of layer 1 was found")
    code, report = compare(class_name, folder, states)
    if code != 1 or not (report["parts_in"] or "").startswith("layer 1"):
        problems.append(f"layer 1 is another, but it parts in {report['parts_in']}")
    worst = max(one["relative_difference"] for one in report["places"][:2])
    return problems, f"{len(places)} places, the first two within {worst:.1e}"


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    failures = 0
    for name in sys.argv[3:] or NAMES:
        problems, line = check(name)
        failures += len(problems)
        print(f"{name}: {'; '.join(problems) or line}", flush=True)
    print(f"{failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
