# SPDX-License-Identifier: Apache-2.0
"""Megatron-LM's own path for architectures.py: python arch_mlm.py CASES.json. A case: name, hf, megatron (a torch_dist
root), flags (what `mhub convert` printed, and --spec for examples/megatron). Megatron-LM's parser, load_args_from_checkpoint,
GPTModelBuilder and load_checkpoint make the model; its logits must be transformers'."""

import json
import os
import shlex
import sys

import numpy as np
import torch

from mlm_load import JOB_FLAGS  # first: patches CUDA away
import shim
try:
    import sparse_attention  # noqa: F401  (before Megatron-LM takes the spec of it and of gated delta nets)
except ImportError:
    pass  # a megatron-core before 0.19 has no such layers
import moe_model  # noqa: F401  (what latent attention and experts need on a CPU)
import arch_judges  # norms that store their weight minus one, and examples/megatron on the path
from gpt_model import attention_mask, difference
from megatron.core import parallel_state
from megatron.core.num_microbatches_calculator import init_num_microbatches_calculator, unset_num_microbatches_calculator
from megatron.core.process_groups_config import ProcessGroupCollection
from megatron.training import checkpointing, global_vars
from torch.distributed.checkpoint.api import CheckpointException  # not an Exception
from megatron.training.argument_utils import gpt_config_from_args
from megatron.training.arguments import parse_args, validate_args
from megatron.training.models.gpt import GPTModelBuilder



def model_of(args):
    """The model that Megatron-LM builds from its arguments."""
    config = gpt_config_from_args(args)
    # The tanh form of GELU is a fusion in Megatron-LM, compiled for a GPU; here a plain function stands in for it.
    config.transformer.bias_activation_fusion = False
    if args.bias_gelu_fusion and not args.swiglu and not args.squared_relu and not args.quick_geglu:
        config.transformer.activation_func = lambda x: torch.nn.functional.gelu(x, approximate="tanh")
    config.parallel_output = False
    config.finalize()
    return GPTModelBuilder(config).build_model(ProcessGroupCollection.use_mpu_process_groups()).float().eval()


def logits_error(case):
    flags = [flag for flag in JOB_FLAGS if flag != "--no-bias-gelu-fusion"]
    sys.argv = ["x", "--load", case["megatron"], *flags, *shlex.split(" ".join(case["flags"]))]
    for name in case["modules"]:
        sys.modules.pop(name, None)  # importing a spec may extend GPTModel, which lasts for one case
    global_vars.unset_global_variables()
    unset_num_microbatches_calculator()
    args = parse_args()
    shim.init_process_group()
    checkpointing.load_args_from_checkpoint(args)
    validate_args(args)
    global_vars.set_args(args)
    parallel_state.initialize_model_parallel()
    init_num_microbatches_calculator(0, None, args.global_batch_size or 1, args.micro_batch_size, 1)
    with arch_judges.plain_gpt_model():
        model = model_of(args)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))  # a parameter that is not loaded must show
    checkpointing.load_checkpoint([model], None, None, strict=True)
    golden = np.load(os.path.join(case["hf"], "golden.npz"))
    ids = torch.tensor(golden["ids"])
    with torch.no_grad():
        out = model(ids, torch.arange(ids.shape[1])[None].expand(*ids.shape), attention_mask(ids.shape[1]))
    return difference(out, golden)


def main():
    for case in json.load(open(sys.argv[1])):
        result = {"name": case["name"], "column": "Megatron-LM", "problem": None, "error": None}
        try:
            with shim.CudaToCpu():
                result["error"] = logits_error(case)
        except (Exception, SystemExit, CheckpointException) as problem:
            result["problem"] = f"{type(problem).__name__}: {str(problem)[:600]}"
        shim.drop_process_groups()
        print("RESULT " + json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
