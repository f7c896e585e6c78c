# SPDX-License-Identifier: Apache-2.0
"""What mhub exported, judged by transformers: python exported.py CASES.json. A case: name, exported, and either `golden`
(an .npz of ids and logits that transformers must give) or `original` (a Hugging Face folder whose tensors must come back
bit for bit)."""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers

from hf_tensors import compare, hf_tensors

TOLERANCE = 2e-3  # of the largest logit


def logits_match(case):
    golden = np.load(case["golden"])
    model = transformers.AutoModelForCausalLM.from_pretrained(case["exported"], dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        out = model.eval()(torch.tensor(golden["ids"])).logits.numpy()
    wanted = golden["logits"]
    if out.shape != wanted.shape:
        return False, f"logits are {out.shape}, expected {wanted.shape}"
    error = float(np.abs(out - wanted).max() / np.abs(wanted).max())
    return error <= TOLERANCE, f"logits differ by {error:.1e} of scale"


def run(case):
    if "golden" in case:
        return logits_match(case)
    problem = compare(hf_tensors(case["original"]), hf_tensors(case["exported"]))
    return problem is None, problem or "tensors equal"


def main():
    for case in json.load(open(sys.argv[1])):
        try:
            ok, detail = run(case)
        except Exception as error:
            ok, detail = False, f"{type(error).__name__}: {str(error)[:600]}"
        print("RESULT " + json.dumps({"name": case["name"], "ok": ok, "detail": detail}), flush=True)


if __name__ == "__main__":
    main()
