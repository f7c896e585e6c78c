# SPDX-License-Identifier: Apache-2.0
"""What megatron-core's own classes hold on every rank: python ranks_facts.py IMPL < CASES.json > FACTS.json, called by record.py.

Megatron-LM's parser reads the flags of a case, its validate_args completes them, its builder makes each rank's model. Ranks
are simulated one after another over torch's fake process group: nothing is computed or sent, but names, shapes and offsets are
those of the real rank. IMPL is te (over fake_te.py) or local."""

import argparse
import json
import os
import re
import shlex
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
IMPL = sys.argv[1]
OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # Megatron-LM prints
if IMPL == "te":
    import fake_te

    fake_te.install()

import mlm_load  # noqa: F401  (patches CUDA away)
import shim
import torch
import mamba  # noqa: F401  (stands in for mamba_ssm's kernels)
from megatron_flags import OPTIONS
from megatron.core.ssm.gated_delta_net import common, gdn
from torch.testing._internal.distributed.fake_pg import FakeStore
from megatron.core import parallel_state
from megatron.core.dist_checkpointing.mapping import ShardedObject, ShardedTensor, ShardedTensorFactory
from megatron.core.num_microbatches_calculator import unset_num_microbatches_calculator
from megatron.core.process_groups_config import ProcessGroupCollection
from megatron.core.transformer.enums import LayerType
from megatron.core.transformer.multi_token_prediction import get_mtp_ranks
from megatron.core.transformer.pipeline_parallel_layer_layout import PipelineParallelLayerLayout
from megatron.training import checkpointing, global_vars
from megatron.training.argument_utils import gpt_config_from_args, hybrid_config_from_args
from megatron.training.arguments import add_megatron_arguments, parse_args, validate_args
from megatron.training.checkpointing import get_checkpoint_name
from megatron.training.models.gpt import GPTModelBuilder
from megatron.training.models.hybrid import HybridModelBuilder

# flash-linear-attention, which would compute what is not computed here.
common.HAVE_FLA, gdn.chunk_gated_delta_rule, gdn.causal_conv1d = True, gdn.torch_chunk_gated_delta_rule, lambda *args, **kwargs: None
# The job's own settings: they say nothing about the model.
JOB = (
    "--micro-batch-size 1 --use-cpu-initialization --train-iters 1 --lr 1e-4 --tokenizer-type NullTokenizer --no-persist-layer-norm "
    "--no-gradient-accumulation-fusion --no-masked-softmax-fusion --no-bias-dropout-fusion --no-rope-fusion --distributed-backend gloo"
)
# How the names of arguments begin that are of training, data, logging, inference alone.
OF_TRAINING = (
    "adam_", "adaptive_", "biencoder_", "block_data_", "check_", "cuda_graph", "data_", "dataloader_", "ddp_", "delay_", "dino_", "dist_", "distrib_", "eval_", "fine_grained_", "fp4", "fp8",
    "fsdp_", "inference_", "load_", "log_", "logging_", "lr_", "megatron_fsdp_", "memory_", "muon_", "nccl_", "non_persistent_", "one_logger_", "optimizer_", "overlap_", "profile_",
    "recompute_", "replication_", "rerun_", "result_", "retriever_", "retro_", "rl_", "save_", "straggler_", "tensorboard_", "timing_", "tokenizer_", "torch_fsdp2_", "tp_comm_", "train_",
    "use_megatron_", "use_torch_", "vision_", "wandb_", "weight_", "wgrad_",
)
LAYOUT_ARGS = (
    "tensor_model_parallel_size", "pipeline_model_parallel_size", "virtual_pipeline_model_parallel_size", "expert_model_parallel_size",
    "expert_tensor_parallel_size", "padded_vocab_size", "decoder_first_pipeline_num_layers", "decoder_last_pipeline_num_layers",
    "account_for_embedding_in_pipeline_split", "account_for_loss_in_pipeline_split",
)


def plain(value):
    """A JSON value, or None twice over where there is none: (value, known)."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value, True
    if isinstance(value, (list, tuple)) and all(plain(one)[1] for one in value):
        return [plain(one)[0] for one in value], True
    return None, False


def arguments(flags, world):
    """Megatron-LM's completed arguments."""
    os.environ.update(RANK="0", WORLD_SIZE=str(world), CUDA_DEVICE_MAX_CONNECTIONS="1")
    sys.argv = ["x", *shlex.split(JOB), "--transformer-impl", "transformer_engine" if IMPL == "te" else "local", *shlex.split(flags)]
    global_vars.unset_global_variables()
    unset_num_microbatches_calculator()
    args = parse_args()
    return validate_args(args) or args


def world_of(options):
    words = shlex.split(options)
    size = {name: int(words[words.index(name) + 1]) if name in words else None for name in ("--tp", "--pp", "--ep", "--etp")}
    tensor, stages, experts = size["--tp"] or 1, size["--pp"] or 1, size["--ep"] or 1
    return max(tensor, experts * (size["--etp"] or tensor if experts > 1 else 1)) * stages


def embedding_ranks(args, config):
    """pretrain_gpt.py, get_embedding_ranks."""

    def ranks(stages):
        found = {stages[0]}
        if len(stages) > 1:
            if not args.untie_embeddings_and_output_weights:
                found.add(stages[-1])
            if args.mtp_num_layers:
                found.update(get_mtp_ranks(stages, config))
        return sorted(found)

    return ranks


def start_rank(args, config, rank, world):
    shim.drop_process_groups()
    torch.distributed.init_process_group("fake", store=FakeStore(), rank=rank, world_size=world)
    parallel_state.initialize_model_parallel(
        args.tensor_model_parallel_size, args.pipeline_model_parallel_size, args.virtual_pipeline_model_parallel_size,
        expert_model_parallel_size=args.expert_model_parallel_size, expert_tensor_parallel_size=args.expert_tensor_parallel_size,
        get_embedding_ranks=embedding_ranks(args, config), create_gloo_process_groups=False)


def pieces(entry, parameter):
    """Where a parameter lies in the global tensors: [key, first element of the parameter, offset, shape]."""
    if isinstance(entry, ShardedTensorFactory):
        entry = entry.build()
    if isinstance(entry, dict):
        return [piece for one in entry.values() for piece in pieces(one, parameter)]
    if isinstance(entry, (list, tuple)):
        return [piece for one in entry for piece in pieces(one, parameter)]
    assert isinstance(entry, ShardedTensor), type(entry)
    assert entry.data.is_contiguous() and entry.data.shape[1:] == parameter.shape[1:], f"{entry.key}: not a part along the first axis"
    begin = entry.data.storage_offset() - parameter.storage_offset()
    return [[entry.key, begin, list(entry.global_offset), [1] * entry.prepend_axis_num + list(entry.local_shape), list(entry.global_shape)]]


def flattened(value):
    if isinstance(value, dict):
        for one in value.values():
            yield from flattened(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from flattened(one)
    else:
        yield value


def describe(model):
    """One chunk of one rank: its parameters with the places of their parts, its objects; and the objects' keys."""
    state = model.state_dict()
    sharded = model.sharded_state_dict(prefix="")
    tensors, objects = {}, []
    for name, value in state.items():
        if name.endswith("_extra_state"):
            objects.append(name)
            continue
        assert name in sharded, f"{name} is not in the sharded state"
        tensors[name] = [list(value.shape), pieces(sharded[name], value.detach())]
    keys = sorted({one.unique_key for one in flattened(sharded) if isinstance(one, ShardedObject)})
    return {"tensors": tensors, "objects": sorted(objects)}, keys


def model_flags(case, options):
    sequence = "--sequence-parallel" if "--num-experts" in case["flags"] and "--tp" in options else ""  # asked for by validate_args
    return " ".join((case["flags"], case.get("te_flags", "") if IMPL == "te" else "", case.get("layout_flags", {}).get(options, ""), sequence))


def layout_facts(case, options):
    words = shlex.split(options)
    flags = " ".join(OPTIONS.get(word, shlex.quote(word)) for word in words if word not in ("--model-type", "hybrid"))
    world = world_of(options)
    args = arguments(" ".join((model_flags(case, options), flags)), world)
    hybrid = "hybrid_layer_pattern" in vars(args) and args.hybrid_layer_pattern
    model_config = (hybrid_config_from_args if hybrid else gpt_config_from_args)(args)
    model_config.parallel_output = False
    model_config.finalize()
    files, keys, shapes = {}, set(), {}
    for rank in range(world):
        start_rank(args, model_config.transformer, rank, world)
        groups = ProcessGroupCollection.use_mpu_process_groups()
        chunks = {}
        virtual = args.virtual_pipeline_model_parallel_size
        for stage in range(virtual or 1):
            builder = (HybridModelBuilder if hybrid else GPTModelBuilder)(model_config)
            model = builder.build_model(groups, vp_stage=stage if virtual else None)
            facts, more = describe(model)
            chunks[f"model{stage}" if virtual else "model"] = facts
            keys.update(more)
            for _, parts in facts["tensors"].values():
                for piece in parts:
                    assert shapes.setdefault(piece[0], piece[4]) == piece[4], piece[0]
        name = os.path.basename(os.path.dirname(get_checkpoint_name("x", 0, release=True)))
        for facts in chunks.values():
            facts["tensors"] = {key: [shape, [piece[:4] for piece in parts]] for key, (shape, parts) in facts["tensors"].items()}
        assert files.setdefault(name, chunks) == chunks or case.get("shared"), f"{name}: two ranks differ"
    return {"options": options, "impl": IMPL, "files": files, "keys": shapes, "objects": sorted(keys),
            "args": {name: value for name in LAYOUT_ARGS if (value := plain(getattr(args, name, None))[0]) is not None}}


def refusal(case, options):
    """What megatron-core says against a layout."""
    try:
        layout_facts(case, options)
    except (AssertionError, ValueError) as problem:
        return str(problem)
    raise RuntimeError(f"megatron-core takes {options}")


def pipeline_facts(text, stages, layers, blocks):
    """[layers by stage and chunk, stage of the prediction blocks]; None for a layout that the core refuses."""
    try:
        layout = PipelineParallelLayerLayout(text, stages)
        layout.validate_layer_layout(layers, blocks)
    except (AssertionError, IndexError, re.error):
        return None
    counts = [[chunk.count(LayerType.decoder) for chunk in stage] for stage in layout.layout]
    with_blocks = [stage for stage, chunks in enumerate(layout.layout) if LayerType.mtp in chunks[-1]]
    return [counts, with_blocks[0] if with_blocks else None]


def parser_defaults():
    """Megatron-LM's parser, and the defaults of what it says of models and of layouts."""
    parser = add_megatron_arguments(argparse.ArgumentParser(allow_abbrev=False))
    return parser, {action.dest: plain(action.default)[0] for action in parser._actions
                    if plain(action.default)[1] and not action.dest.startswith(OF_TRAINING)}


def restored(args):
    """What load_args_from_checkpoint takes from a checkpoint with these arguments into a job that gives none."""
    sys.argv = ["x", *shlex.split(JOB), "--load", "x", "--use-checkpoint-args", "--transformer-impl", args.transformer_impl]
    fresh = parse_args()
    plain_load = checkpointing._load_base_checkpoint
    checkpointing._load_base_checkpoint = lambda *_, **__: ({"args": args, "iteration": 0, "checkpoint_version": 3.0}, "x", True, None)
    try:
        checkpointing.load_args_from_checkpoint(fresh)
    finally:
        checkpointing._load_base_checkpoint = plain_load
    return vars(fresh)


def argument_facts(case):
    """The model's arguments, and which of its flags a job needs beside --use-checkpoint-args."""
    flags = model_flags(case, case["te"][0])
    args = arguments(flags, 1)
    parser, defaults = parser_defaults()
    by_option = {option: action for action in parser._actions for option in action.option_strings}
    after = restored(args)
    stated, needed, restorable, words = set(), [], [], shlex.split(flags)
    for k, word in enumerate(words):
        if word not in by_option:
            continue
        action = by_option[word]
        stated.add(action.dest)
        value = words[k + 1: k + 2] if k + 1 < len(words) and words[k + 1] not in by_option else []
        lost = plain(after.get(action.dest)) != plain(getattr(args, action.dest))
        (needed if lost else restorable).append(" ".join([word, *value]))
    differing = {name: plain(value)[0] for name, value in vars(args).items()
                 if plain(value)[1] and (name not in defaults or defaults[name] != plain(value)[0]) and not name.startswith(OF_TRAINING)}
    return {"stated": sorted(stated), "needed_flags": needed, "restored_flags": restorable, "args": differing}


def main():
    cases, pipelines = json.load(sys.stdin)
    facts = {}
    with shim.CudaToCpu():
        for name, case in cases.items():
            found = {}
            try:
                if IMPL == "te":
                    found["arguments"] = argument_facts(case)
                found["layouts"] = [layout_facts(case, options) for options in case[IMPL]]
                found["refused"] = {options: refusal(case, options) for options in case.get("refused", []) if IMPL == "te"}
            except (Exception, SystemExit) as problem:
                traceback.print_exc()
                found["problem"] = f"{type(problem).__name__}: {problem}"
            facts[name] = found
    json.dump({"defaults": parser_defaults()[1] if IMPL == "te" else None, "cases": facts,
               "pipelines": [[*one, pipeline_facts(*one)] for one in pipelines]}, OUT)


if __name__ == "__main__":
    main()
