# SPDX-License-Identifier: Apache-2.0
"""Megatron-Bridge's part of whole_check.py: python whole_bridge.py CASES.json SCRATCH. A case: name, hf, dtype, folder (ours, torch_dist)
and torch2 (ours, `torch` at TP 2). Its models are those that run, of TransformerEngine's modules, whose stand-in (tests/golden/fake_te.py)
has parameters and computes nothing. Asked is: (1) does Bridge's import have our keys and bits, and no object more than we wrote? (2) does
its export of our folder give the Hugging Face tensors back? (3) are our files at TP 2 what two ranks of the model, built from our
run_config.yaml, load from our torch_dist folder with default strictness?"""

import json
import os
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")]
import fake_te

fake_te.install()

import bridge_base  # noqa: F401
import shim
import torch
import torch.distributed.checkpoint as dcp
from gpt_model import iteration_folder
from hf_tensors import compare, hf_tensors, stored_tensors
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.ssm.gated_delta_net import common, gdn
import megatron.bridge.models.model_provider as model_provider
from megatron.bridge import AutoBridge
from megatron.bridge.training.model_load_save import load_model_config

# Delta nets compute nothing either, so that they need no kernels.
common.HAVE_FLA, gdn.chunk_gated_delta_rule, gdn.causal_conv1d = True, gdn.torch_chunk_gated_delta_rule, lambda *args, **kwargs: None
if hasattr(model_provider, "model_parallel_cuda_manual_seed"):
    model_provider.model_parallel_cuda_manual_seed = lambda *args, **kwargs: None


def objects(folder):
    return {key for key in dcp.FileSystemReader(folder).read_metadata().state_dict_metadata if "_extra_state" in key}


def read_by_someone(case, *states):
    return [{key: value for key, value in state.items() if not case["unread"] or not key.endswith(case["unread"])} for state in states]


def import_problem(case, scratch):
    imported = os.path.join(scratch, case["name"] + "-bridge")
    shim.init_process_group()  # left alone, import would ask for NCCL
    AutoBridge.import_ckpt(case["hf"], imported, torch_dtype=getattr(torch, case["dtype"]))
    ours, theirs = iteration_folder(case["folder"]), iteration_folder(imported)
    missing = objects(theirs) - objects(ours)
    return compare(*read_by_someone(case, stored_tensors(ours), stored_tensors(theirs))) or (f"objects missing: {sorted(missing)[:4]}" if missing else None)


def export_problem(case, scratch):
    exported = os.path.join(scratch, case["name"] + "-exported")
    bridge = AutoBridge.from_hf_pretrained(case["hf"], torch_dtype=getattr(torch, case["dtype"]))
    bridge.export_ckpt(iteration_folder(case["folder"]), exported, show_progress=False)
    return compare(hf_tensors(case["hf"]), hf_tensors(exported))


def built(folder, size):
    """The model of this rank, as the folder's run_config.yaml describes it."""
    shim.init_process_group()
    parallel_state.initialize_model_parallel(size)
    provider, _ = load_model_config(folder)
    provider.tensor_model_parallel_size = size
    provider.should_pad_vocab, provider.make_vocab_size_divisible_by = True, 128  # as the files are padded
    provider.finalize()
    model = provider.provide_distributed_model(wrap_with_ddp=False, use_cpu_initialization=True)[0]
    while hasattr(model, "module"):
        model = model.module
    return model


def rank_problem(case, rank):
    folder = iteration_folder(case["folder"])
    model = built(folder, 2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(float("nan"))
    state = dist_checkpointing.load({"model": model.sharded_state_dict(prefix="")}, folder)
    model.load_state_dict(state["model"], strict=True)
    file = torch.load(os.path.join(iteration_folder(case["torch2"]), f"mp_rank_{rank:02d}", "model_optim_rng.pt"), weights_only=True)

    def tensors(state):
        return {key: value.float() for key, value in state.items() if torch.is_tensor(value) and "_extra_state" not in key}

    expected, mine = tensors(model.state_dict()), tensors(file["model"])
    for part in (expected, mine):
        for key, value in part.items():
            if key.endswith(("word_embeddings.weight", "output_layer.weight")):  # behind the vocabulary is padding
                part[key] = value[:max(0, case["vocabulary"] - rank * len(value))]
    unloaded = [key for key, value in expected.items() if torch.isnan(value).any()]  # Gemma 4's ears have infinite bounds
    return f"not loaded: {unloaded[:4]}" if unloaded else compare(mine, expected)


def report(case, question, function):
    for name in ("NVTE_FLASH_ATTN", "NVTE_FUSED_ATTN", "NVTE_UNFUSED_ATTN"):  # set for one model, refused by the next
        os.environ.pop(name, None)
    try:
        with shim.CudaToCpu():
            problem = function()
    except BaseException as error:  # torch's CheckpointException is not an Exception
        problem = f"{type(error).__name__}: {str(error)[:600]}"
    shim.drop_process_groups()
    print("\nRESULT " + json.dumps({"name": f"{case['name']}: {question}", "ok": problem is None, "detail": problem}), flush=True)


def ranks(cases):
    os.environ.update(WORLD_SIZE="2", RENDEZVOUS=os.path.join(tempfile.mkdtemp(prefix="mhub-ranks-"), "store"))
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(rank)
            for case in cases:
                report(case, f"Bridge's model at TP 2 finds our files, rank {rank}", lambda: rank_problem(case, rank))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def main():
    torch.set_num_threads(1)
    cases, scratch = json.load(open(sys.argv[1])), sys.argv[2]
    ranks(cases)
    os.environ.update(WORLD_SIZE="1", RANK="0", LOCAL_RANK="0")
    for case in cases:
        report(case, "Bridge's import has our keys and bits", lambda: import_problem(case, scratch))
        report(case, "Bridge's export gives the original's tensors", lambda: export_problem(case, scratch))


if __name__ == "__main__":
    main()
