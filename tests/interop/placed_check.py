# SPDX-License-Identifier: Apache-2.0
"""Tensors that are placed so that files can share blocks with their source, as the packages read them: python placed_check.py MHUB SCRATCH

Data of items and records begins where the source's does in a block of 4096 bytes, and a safetensors header is padded for that. Judges:
torch.load, also mapped, torch.distributed.checkpoint, and the safetensors package."""

import mmap
import os
import shutil
import struct
import subprocess
import sys

import torch
from safetensors import safe_open

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import llama_folder
from hf_tensors import compare, hf_tensors, stored_tensors

MHUB, SCRATCH = sys.argv[1:]
SHAPE = dict(hidden=512, layers=2, ffn=1408, vocab=4096, heads=8, groups=4)
BLOCK = 4096
failures = []


def check(good, what):
    print(("ok      " if good else "FAILED  ") + what, flush=True)
    if not good:
        failures.append(what)


def made(name, source, *options):
    out = os.path.join(SCRATCH, name)
    subprocess.run([MHUB, "convert", source, out, *options], check=True, stdout=subprocess.DEVNULL)
    return out


def bits(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def place_of(path, tensor):
    """Where a file has a tensor's bytes, in a block."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(bits(tensor))
    return at % BLOCK if at >= 0 else None


def canonical(hf):
    """Some of Megatron's tensors, made of Hugging Face's."""
    tensors = {"embedding.word_embeddings.weight": hf["model.embed_tokens.weight"], "output_layer.weight": hf["lm_head.weight"]}
    for layer in range(SHAPE["layers"]):
        old, new = f"model.layers.{layer}.", f"decoder.layers.{layer}."
        tensors[new + "mlp.linear_fc2.weight"] = hf[old + "mlp.down_proj.weight"]
        tensors[new + "mlp.linear_fc1.weight"] = torch.cat([hf[old + "mlp.gate_proj.weight"], hf[old + "mlp.up_proj.weight"]])
        tensors[new + "self_attention.linear_proj.weight"] = hf[old + "self_attn.o_proj.weight"]
    return tensors


def check_torch_dist(folder, wanted, sizes):
    found, alike = stored_tensors(os.path.join(folder, "release")), True
    for name, tensor in wanted.items():
        words = name.split(".")
        stored = found[".".join(words[:2] + words[3:])][int(words[2])] if words[1] == "layers" else found[name]
        alike = alike and torch.equal(bits_of(stored), bits_of(tensor))
    check(alike, f"{sizes}: torch.distributed.checkpoint has the tensors")


def bits_of(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def check_torch(path, wanted):
    for mapped in (False, True):
        model = torch.load(path, map_location="cpu", weights_only=False, mmap=mapped)["model"]
        check(all(torch.equal(bits_of(model[name]), bits_of(tensor)) for name, tensor in wanted.items()), f"torch: torch.load, mmap={mapped}")


def check_back(folder, source, original):
    check(compare(hf_tensors(folder), original) is None, f"back from {source}: safetensors.load_file")
    path = os.path.join(folder, "model.safetensors")
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        check(all(torch.equal(bits_of(file.get_tensor(name)), bits_of(original[name])) for name in names), f"back from {source}: safe_open")
    with open(path, "rb") as file:
        begins = (8 + struct.unpack("<Q", file.read(8))[0]) % BLOCK
    return begins


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    source = os.path.join(SCRATCH, "llama")
    llama_folder.make(source, tied=False, **SHAPE)
    original = hf_tensors(source)
    wanted = canonical(original)
    file = os.path.join(source, "model.safetensors")
    with open(file, "rb") as header:
        begins = (8 + struct.unpack("<Q", header.read(8))[0]) % BLOCK
    down = original["model.layers.1.mlp.down_proj.weight"]
    check(begins % BLOCK != 0, f"the source's data begins {begins} bytes into a block")
    dist, ranks = made("dist", source, "--tp", "1"), made("ranks", source, "--to", "torch")
    check_torch_dist(dist, wanted, "torch_dist")
    check_torch_dist(made("dist2", source, "--tp", "2"), wanted, "torch_dist, TP 2")
    rank_file = os.path.join(ranks, "release", "mp_rank_00", "model_optim_rng.pt")
    check_torch(rank_file, wanted)
    here = place_of(file, down)
    items = [os.path.join(dist, "release", name) for name in os.listdir(os.path.join(dist, "release")) if name.endswith(".distcp")]
    check(any(place_of(item, down) == here for item in items), "torch_dist: an item's data lies as the source's")
    check(place_of(rank_file, down) == here, "torch: a record's data lies as the source's")
    for name, folder in (("torch_dist", dist), ("torch", ranks), ("torch_dist, TP 2", os.path.join(SCRATCH, "dist2"))):
        found = check_back(made("back " + name, folder, "--to", "hf"), name, original)
        check(found == begins, f"back from {name}: the data begins where the original's does")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
