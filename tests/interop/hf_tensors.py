# SPDX-License-Identifier: Apache-2.0
"""Tensors of Hugging Face and torch_dist folders, and their comparison bit for bit."""

import glob
import os

import torch
from safetensors.torch import load_file


def hf_tensors(folder):
    tensors = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        tensors.update(load_file(path))
    return tensors


def stored_tensors(folder):
    """Every tensor of a torch_dist folder by key, through torch.distributed.checkpoint."""
    import torch.distributed.checkpoint as dcp

    reader = dcp.FileSystemReader(folder)
    metadata = reader.read_metadata().state_dict_metadata
    state = {
        key: torch.empty(entry.size, dtype=entry.properties.dtype)
        for key, entry in metadata.items()
        if isinstance(entry, dcp.metadata.TensorStorageMetadata)
    }
    dcp.load(state, storage_reader=reader, no_dist=True)
    return state


def compare(left, right):
    """What differs first, in words; None when nothing does."""
    if set(left) != set(right):
        return f"keys differ: {sorted(set(left) ^ set(right))[:4]}"
    for key in left:
        if left[key].dtype != right[key].dtype or left[key].shape != right[key].shape:
            return f"{key}: {left[key].dtype} {tuple(left[key].shape)} and {right[key].dtype} {tuple(right[key].shape)}"
        if not torch.equal(left[key].reshape(-1).view(torch.uint8), right[key].reshape(-1).view(torch.uint8)):
            return f"{key}: bits differ"
    return None
