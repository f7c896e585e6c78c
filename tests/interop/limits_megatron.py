# SPDX-License-Identifier: Apache-2.0
"""What Megatron-LM itself has against models and layouts: python limits_megatron.py CASES.json, for limits_check.py.

A case: name, megatron (a root), world, launch (the command line that `mhub convert` printed), or, for a layout that mhub refuses, flags
(what it printed for one rank), layout (Megatron-LM's flags) and spec (a module of examples/megatron, where the model needs one). Megatron-LM's parser, load_args_from_checkpoint and validate_args
make the arguments, megatron-core's TransformerConfig is made from those, and the models of the first and the last rank are
built over the stand-in for TransformerEngine and torch's fake process group. One RESULT line a case: what was raised."""

import json
import os
import shlex
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "..", "examples", "megatron")]
import fake_te

fake_te.install()

import launch_lines
import mlm_load  # noqa: F401  (patches CUDA away)
import shim
import torch
import mamba  # noqa: F401  (stands in for mamba_ssm's kernels)
from megatron.core.ssm.gated_delta_net import common, gdn
from torch.testing._internal.distributed.fake_pg import FakeStore
from megatron.core import parallel_state
from megatron.core.num_microbatches_calculator import unset_num_microbatches_calculator
from megatron.core.process_groups_config import ProcessGroupCollection
from megatron.training import checkpointing, global_vars
from megatron.training.argument_utils import gpt_config_from_args, hybrid_config_from_args
from megatron.training.arguments import parse_args, validate_args
from megatron.training.models.gpt import GPTModelBuilder
from megatron.training.models.hybrid import HybridModelBuilder

import arch_judges

common.HAVE_FLA, gdn.chunk_gated_delta_rule, gdn.causal_conv1d = True, gdn.torch_chunk_gated_delta_rule, lambda *args, **kwargs: None

# What every job says, and nothing of the model. Extensions of Apex and TransformerEngine's random states are not here.
JOB = "--use-checkpoint-args --micro-batch-size 1 --train-iters 1 --lr 1e-4 --tokenizer-type NullTokenizer --vocab-size 1000 --seq-length 16"
HERE_ONLY = "--distributed-backend gloo --use-cpu-initialization --no-gradient-accumulation-fusion --no-persist-layer-norm".split()


def arguments(case):
    """The job's arguments, completed."""
    os.environ.update(RANK="0", WORLD_SIZE=str(case["world"]), CUDA_DEVICE_MAX_CONNECTIONS="1")
    spec = ["--spec", case["spec"], "layer_spec"] if case.get("spec") else []
    words = ["--load", case["megatron"], *shlex.split(JOB), *shlex.split(" ".join(case["flags"])), *shlex.split(case["layout"]), *spec]
    if case.get("launch"):  # as a user copies it
        words = launch_lines.command(case["launch"])[2]
    sys.argv = ["x", *words, *HERE_ONLY]
    global_vars.unset_global_variables()
    unset_num_microbatches_calculator()
    args = parse_args()
    shim.drop_process_groups()
    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=case["world"])
    checkpointing.load_args_from_checkpoint(args)
    validate_args(args)
    return args


def build(args, config, rank, world):
    """The chunks of one rank."""
    shim.drop_process_groups()
    torch.distributed.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world)
    parallel_state.initialize_model_parallel(
        args.tensor_model_parallel_size, args.pipeline_model_parallel_size, args.virtual_pipeline_model_parallel_size,
        expert_model_parallel_size=args.expert_model_parallel_size, expert_tensor_parallel_size=args.expert_tensor_parallel_size,
        create_gloo_process_groups=False)
    builder = (HybridModelBuilder if args.hybrid_layer_pattern else GPTModelBuilder)(config)
    groups = ProcessGroupCollection.use_mpu_process_groups()
    for stage in range(args.virtual_pipeline_model_parallel_size or 1):
        builder.build_model(groups, vp_stage=stage if args.virtual_pipeline_model_parallel_size else None)


def raised(case):
    """What one of the three steps raises, with its name; nothing for a good case."""
    step = "validate_args"
    try:
        args = arguments(case)
        step = "TransformerConfig"
        with arch_judges.plain_gpt_model():
            config = (hybrid_config_from_args if args.hybrid_layer_pattern else gpt_config_from_args)(args)
            config.finalize()
            step = "the model"
            for rank in sorted({0, case["world"] - 1}):
                build(args, config, rank, case["world"])
    except (Exception, SystemExit) as problem:
        if os.environ.get("MHUB_TRACE"):
            traceback.print_exc()
        return f"{step}: {type(problem).__name__}: {str(problem)[:500]}"
    return None


def main():
    for case in json.load(open(sys.argv[1])):
        with shim.CudaToCpu():
            print("\nRESULT " + json.dumps({"name": case["name"], "raised": raised(case)}), flush=True)


if __name__ == "__main__":
    main()
