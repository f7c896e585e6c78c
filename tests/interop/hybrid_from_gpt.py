# SPDX-License-Identifier: Apache-2.0
"""A GPTModel folder in a HybridModel run, by Megatron-LM 0.19's own translation (checkpointing._maybe_setup_gpt_to_hybrid_load):
python hybrid_from_gpt.py HF_DIR GPT_DIR HYBRID_DIR [flags that `mhub convert` reported for GPT_DIR].

Every parameter must come, the logits must be transformers', and each parameter must have the bits that `--model-type hybrid` wrote for it
into HYBRID_DIR: what Megatron-LM makes of the one folder is what mhub made of the model."""

import json
import sys

import torch

import shim
import mlm_load
from core_logits import load_args
from gpt_model import TOLERANCE, iteration_folder
from hybrid_logits import build, error_of, loaded


def main():
    hf, gpt, hybrid, *flags = sys.argv[1:]
    pattern = load_args(iteration_folder(hybrid), {"format": "torch_dist"}).hybrid_layer_pattern.replace("|", "")
    flags = [part for flag in flags for part in flag.split(" ")]
    with shim.CudaToCpu():
        model = mlm_load.load(gpt, [*flags, "--hybrid-layer-pattern", pattern], lambda args: build(mlm_load.model_args(args)))
        error = error_of(model, hf)
        other = loaded(hybrid).state_dict()
    state = {name: value for name, value in model.state_dict().items() if torch.is_tensor(value)}
    apart = [name for name, value in state.items() if not torch.equal(value, other[name])]
    detail = f"logits differ by {error:.1e} of scale; {len(state)} tensors, of which {apart[:3] or 'none'} differ from --model-type hybrid"
    print("RESULT " + json.dumps({"ok": error <= TOLERANCE and not apart and len(state) > 0, "detail": detail}))


if __name__ == "__main__":
    main()
