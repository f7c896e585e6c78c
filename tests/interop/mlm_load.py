# SPDX-License-Identifier: Apache-2.0
"""Megatron-LM's own load_args_from_checkpoint and load_checkpoint on a converted folder, without architecture flags.

python mlm_load.py HF_DIR MEGATRON_DIR [flags that `mhub convert` reported]: every parameter must change and the logits
must be transformers'.
"""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import torch

import shim
from gpt_model import TOLERANCE, build, difference, iteration_folder, logits

torch.cuda.device_count = lambda: 1
torch.cuda.is_available = lambda: False
torch.cuda.get_device_capability = lambda *args: (9, 0)
torch.cuda.get_device_properties = lambda *args: SimpleNamespace(
    major=9, minor=0, name="cpu", total_memory=1, multi_processor_count=1
)

JOB_FLAGS = (
    "--use-checkpoint-args --transformer-impl local --micro-batch-size 1 --use-cpu-initialization --seq-length 64 "
    "--train-iters 1 --lr 1e-4 --tokenizer-type NullTokenizer --vocab-size 1000 --no-persist-layer-norm "
    "--no-gradient-accumulation-fusion --no-masked-softmax-fusion --no-bias-swiglu-fusion --no-bias-gelu-fusion "
    "--no-bias-dropout-fusion --no-rope-fusion --distributed-backend gloo"
).split()


def load(folder, flags, make):
    """The model that `make` builds of the args, loaded. Every parameter must change."""
    sys.argv = ["x", "--load", folder, *JOB_FLAGS, *flags]
    from megatron.core import parallel_state
    from megatron.core.num_microbatches_calculator import init_num_microbatches_calculator
    from megatron.training import checkpointing
    from megatron.training.arguments import parse_args, validate_args
    from megatron.training.global_vars import set_args

    args = parse_args()
    shim.init_process_group()
    checkpointing.load_args_from_checkpoint(args)
    validate_args(args)
    set_args(args)
    parallel_state.initialize_model_parallel()
    init_num_microbatches_calculator(0, None, args.global_batch_size or 1, args.micro_batch_size, 1)
    model = make(args)
    before = {name: value.clone() for name, value in model.state_dict().items() if torch.is_tensor(value)}
    checkpointing.load_checkpoint([model], None, None, strict=True)
    after = model.state_dict()
    same = [name for name in before if torch.equal(before[name], after[name])]
    assert not same, f"not loaded: {same[:4]}"
    return model


def model_args(args):
    """What Megatron-LM's parser and --use-checkpoint-args made, under the names that gpt_model.build reads. The
    activation of GPT-2 is a fusion in Megatron-LM (bias_gelu is the tanh form), so it is not an argument there."""
    namespace = SimpleNamespace(**vars(args))
    namespace.norm_epsilon = getattr(args, "norm_epsilon", None) or args.layernorm_epsilon
    namespace.openai_gelu = not args.swiglu
    namespace.hf_activation = None  # mhub's own key: Megatron-LM's flags do not name an activation
    namespace.hf_gated_linear_unit = args.swiglu
    window = getattr(args, "window_size", None)
    namespace.window_size = window if window is None or not isinstance(window, str) else tuple(map(int, window.split(",")))
    if getattr(namespace, "apply_layernorm_1p", None) is None:
        namespace.apply_layernorm_1p = False
    return namespace


def main():
    hf, folder, *flags = sys.argv[1:]
    flags = [part for flag in flags for part in flag.split(" ")]
    with shim.CudaToCpu():
        built = []
        model = load(folder, flags, lambda args: built.append(model_args(args)) or build(built[0], 1, 1))
        golden = np.load(os.path.join(hf, "golden.npz"))
        error = difference(logits(model, built[0], torch.tensor(golden["ids"])), golden)
    print("RESULT " + json.dumps({"ok": error <= TOLERANCE, "detail": f"logits differ by {error:.1e} of scale"}))


if __name__ == "__main__":
    main()
