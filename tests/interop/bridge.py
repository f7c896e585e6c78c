# SPDX-License-Identifier: Apache-2.0
"""Megatron-Bridge as judge: python bridge.py CASES.json SCRATCH. For each case (name, hf, megatron at TP=PP=1..n,
torch_dist): (1) Bridge's export of our folder gives back the Hugging Face tensors bit for bit; (2) Bridge's import of
the Hugging Face folder has our keys, shapes and bits."""

import json
import os
import sys

import bridge_shim
import shim
import torch
from gpt_model import iteration_folder
from hf_tensors import compare, hf_tensors, stored_tensors


def report(name, problem, good):
    print("RESULT " + json.dumps({"name": name, "ok": problem is None, "detail": problem or good}), flush=True)


def check(case, scratch):
    dtype = {"bfloat16": torch.bfloat16, "float32": torch.float32}[case["dtype"]]
    source = hf_tensors(case["hf"])
    exported = os.path.join(scratch, case["name"] + "_exported")
    bridge = bridge_shim.AutoBridge.from_hf_pretrained(case["hf"], torch_dtype=dtype)
    bridge.export_ckpt(iteration_folder(case["megatron"]), exported, show_progress=False)
    shim.drop_process_groups()
    report(case["name"] + ": export", compare(source, hf_tensors(exported)), f"{len(source)} tensors equal")

    imported = os.path.join(scratch, case["name"] + "_imported")
    shim.init_process_group()  # left alone, import would ask for NCCL
    bridge_shim.AutoBridge.import_ckpt(case["hf"], imported, torch_dtype=dtype)
    shim.drop_process_groups()  # export makes its own group and refuses to find one
    ours = stored_tensors(iteration_folder(case["megatron"]))
    report(case["name"] + ": import", compare(ours, stored_tensors(iteration_folder(imported))), f"{len(ours)} tensors equal")


def main():
    cases, scratch = json.load(open(sys.argv[1])), sys.argv[2]
    with shim.CudaToCpu():
        for case in cases:
            try:
                check(case, scratch)
            except Exception as error:
                shim.drop_process_groups()
                report(case["name"], f"{type(error).__name__}: {str(error)[:600]}", "")


if __name__ == "__main__":
    main()
