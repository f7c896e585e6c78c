# SPDX-License-Identifier: Apache-2.0
"""Judges an HDF5 state archive (core/store/hdf5/README.md) with h5py: python hdf5_check.py ARCHIVE HF_FOLDER

Reads the archive by its README and nothing else, and compares every tensor with torch's, bit for bit. `read_state` is
also how a Python program gets at the tensors. h5dump (Debian's hdf5-tools) must read the file too.
"""

import glob
import json
import os
import shutil
import subprocess
import sys

import h5py
import torch


def text(item, attribute):
    """Texts are UTF-8 strings of fixed length, which have a checksum in the file; h5py gives them as bytes."""
    return item.attrs[attribute].decode()


def as_torch(dataset):
    """The tensor of a dataset below /state."""
    return torch.from_numpy(dataset[...]).view(getattr(torch, text(dataset, "torch_dtype")))


def datasets(group):
    found = {}
    group.visititems(lambda path, item: found.update({path: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def read_state(path):
    """{name: tensor}. h5py checks each chunk's fletcher32 on the way."""
    with h5py.File(path, "r") as archive:
        return {text(dataset, "name"): as_torch(dataset) for dataset in datasets(archive["state"]).values()}


def read_files(path):
    """{relative path: bytes} of the side files."""
    with h5py.File(path, "r") as archive:
        return {name: dataset[...].tobytes() for name, dataset in datasets(archive["files"]).items()}


def bits(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def differences(path, expected):
    """What an archive has otherwise than the state dict `expected`, one line each; empty when every bit is equal."""
    state = read_state(path)
    problems = [f"{name}: only in the {'archive' if name in state else 'checkpoint'}" for name in sorted(state.keys() ^ expected.keys())]
    for name in sorted(state.keys() & expected.keys()):
        mine, theirs = state[name], expected[name]
        if mine.dtype != theirs.dtype or mine.shape != theirs.shape:
            problems.append(f"{name}: {mine.dtype} {list(mine.shape)}, expected {theirs.dtype} {list(theirs.shape)}")
        elif not torch.equal(bits(mine), bits(theirs)):
            problems.append(f"{name}: {int((bits(mine) != bits(theirs)).sum())} bytes differ")
    return problems


def layout_problems(path):
    """Datasets that are not chunked with fletcher32 and uncompressed, or groups that do not follow the names."""
    problems = []
    with h5py.File(path, "r") as archive:
        if text(archive, "format") != "mhub-state" or text(archive, "format_version") != "1":
            problems.append("the root group's format attributes")
        for link, dataset in datasets(archive["state"]).items():
            if dataset.shape and dataset.size and not (dataset.chunks and dataset.fletcher32 and dataset.compression is None):
                problems.append(f"{link}: not chunked with fletcher32")
            if link.replace("/", ".").rstrip("~") != text(dataset, "name"):
                problems.append(f"{link}: holds {dataset.attrs['name']}")
    return problems


def h5dump_problem(path):
    """What h5dump says against the file; None when it reads it."""
    if shutil.which("h5dump") is None:
        return "not installed"
    run = subprocess.run(["h5dump", "-H", path], capture_output=True, text=True)
    return None if run.returncode == 0 and 'GROUP "state"' in run.stdout and not run.stderr else run.stderr[:300] or "h5dump -H fails"


def hf_state(folder):
    """The state dict of a Hugging Face folder, from its safetensors or torch.save files."""
    from safetensors.torch import load_file

    state = {}
    for shard in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        state.update(load_file(shard))
    if not state:
        for shard in sorted(glob.glob(os.path.join(folder, "pytorch_model*.bin"))):
            state.update(torch.load(shard, weights_only=True))
    return state


def hf_file_problems(path, folder):
    """Side files of the archive that a Hugging Face folder has too, but with other bytes; config.json must be there."""
    files = read_files(path)
    problems = [] if "config.json" in files else ["config.json is not in the archive"]
    for name, content in files.items():
        original = os.path.join(folder, name)
        if os.path.isfile(original) and open(original, "rb").read() != content:
            problems.append(f"file {name}: other bytes than in the folder")
    return problems


def main(path, folder):
    expected = hf_state(folder)
    problems = differences(path, expected) + layout_problems(path) + hf_file_problems(path, folder)
    dump = h5dump_problem(path)
    problems += [f"h5dump: {dump}"] if dump else []
    size = os.path.getsize(path)
    detail = f"{len(expected)} tensors equal, {size} bytes, h5py {h5py.__version__}" if not problems else "; ".join(problems[:5])
    print("RESULT " + json.dumps({"ok": not problems and bool(expected), "detail": detail}))
    return 0 if not problems and expected else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
