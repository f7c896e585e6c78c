# SPDX-License-Identifier: Apache-2.0
"""The ranks of layouts_check.py: python layout_ranks.py CASES.json IMPL. One process imports everything and forks the ranks of
each world size, which meet at files. Every rank prints one RESULT line a case, with what is wrong.

A case, beside what layout_cases.py says: hf, golden (mhub's TP 1 PP 1 torch_dist folder), torch and dist (what mhub wrote at the
layout). megatron-core itself cuts `golden` for the ranks: dist_checkpointing loads it there with default strictness, and that
is what `torch` and `dist` must hold, so a layout that is wrong both ways shows."""

import json
import os
import sys
import tempfile
import traceback
from types import SimpleNamespace

IMPL = sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "golden")]
if IMPL == "te":
    import fake_te

    fake_te.install()

import mlm_load  # noqa: F401  (patches CUDA away, for Megatron-LM's modules)
import shim
import torch
import layout_model
from gpt_model import TOLERANCE
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.dist_checkpointing.strategies import torch as torch_strategy
from megatron.core.dist_checkpointing.validation import StrictHandling
from megatron.core.transformer.multi_token_prediction import get_mtp_ranks
from megatron.training.checkpointing import get_checkpoint_name
from megatron.training.vocab_utils import calculate_padded_vocab_size

# torch 2.15's TensorProperties has a field that megatron-core 0.19.2 passes on to torch.empty.
_empty = torch.empty
torch_strategy.torch = SimpleNamespace(**{**vars(torch), "empty": lambda *size, strides=None, **rest: _empty(*size, **rest)})

SIZES = {"tensor_model_parallel_size": "tp", "pipeline_model_parallel_size": "pp", "virtual_pipeline_model_parallel_size": "vpp", "expert_model_parallel_size": "ep"}
OF_THE_FORMAT = {"padded_vocab_size", "make_vocab_size_divisible_by", "ckpt_format", "use_dist_ckpt"}


def release(folder):
    return os.path.join(folder, "release")


def names(chunks):
    """What Megatron-LM calls the chunks in a file."""
    return ["model"] if len(chunks) == 1 else [f"model{number}" for number in range(len(chunks))]


def start(case):
    """The process groups of the layout; arguments of the torch_dist folder."""
    shim.init_process_group()
    args = torch.load(os.path.join(release(case["dist"]), "common.pt"), weights_only=True)["args"]
    args.num_experts = getattr(args, "num_experts", None)

    def embedding_ranks(stages):  # pretrain_gpt.py, get_embedding_ranks
        found = {stages[0]}
        if len(stages) > 1 and not args.untie_embeddings_and_output_weights:
            found.add(stages[-1])
        if len(stages) > 1 and getattr(args, "mtp_num_layers", None):
            found.update(get_mtp_ranks(stages, layout_model.config_of(args, case)))
        return sorted(found)

    size = case["sizes"]
    parallel_state.initialize_model_parallel(
        size["tp"], size["pp"], size["vpp"], expert_model_parallel_size=size["ep"], expert_tensor_parallel_size=size["etp"], get_embedding_ranks=embedding_ranks)
    return args


def rank_file(case, problems):
    """This rank's file, by the name that Megatron-LM gives it; no other files lie there."""
    mine = get_checkpoint_name(case["torch"], 0, release=True)
    everyone = [None] * case["world"]
    torch.distributed.all_gather_object(everyone, mine)
    there = {os.path.join(folder, name) for folder, _, files in os.walk(case["torch"]) for name in files if name.endswith(".pt")}
    if there != set(everyone):
        problems.append(f"files: {sorted(there ^ set(everyone))}")
    return torch.load(mine, weights_only=True) if os.path.exists(mine) else None


def argument_problems(file, args, case):
    """The file's arguments are those of torch_dist, and those of the layout."""
    mine = file["args"]
    mine.num_experts = getattr(mine, "num_experts", None)
    for name in (set(vars(args)) | set(vars(mine))) - OF_THE_FORMAT:
        if vars(args).get(name, "absent") != vars(mine).get(name, "absent"):
            yield f"args.{name}: {vars(mine).get(name, 'absent')}, torch_dist has {vars(args).get(name, 'absent')}"
    for name, size in SIZES.items():
        if getattr(mine, name, "absent") != case["sizes"][size]:
            yield f"args.{name} is {getattr(mine, name, 'absent')}, the layout's {case['sizes'][size]}"
    if mine.num_experts and mine.expert_tensor_parallel_size != case["sizes"]["etp"]:
        yield f"args.expert_tensor_parallel_size is {mine.expert_tensor_parallel_size}"
    padded = calculate_padded_vocab_size(mine.vocab_size, 128, case["sizes"]["tp"], False)
    if mine.padded_vocab_size != padded:
        yield f"args.padded_vocab_size is {mine.padded_vocab_size}, Megatron-LM's {padded}"
    if file.get("checkpoint_version") != 3.0:
        yield f"checkpoint_version is {file.get('checkpoint_version')}"


def spoil(chunks):
    """A parameter that is not loaded must show."""
    with torch.no_grad():
        for chunk in chunks:
            buffers = [buffer for name, buffer in chunk.named_buffers() if name.endswith("expert_bias")]
            for tensor in [*chunk.parameters(), *buffers]:
                tensor.fill_(float("nan"))


def sharded(chunks):
    return {name: chunk.sharded_state_dict(prefix="") for name, chunk in zip(names(chunks), chunks)}


def loaded(chunks, folder):
    """The rank's state after loading a torch_dist folder with default strictness."""
    spoil(chunks)
    state = dist_checkpointing.load(sharded(chunks), folder)
    for name, chunk in zip(names(chunks), chunks):
        chunk.load_state_dict(state[name], strict=True)
    return {name: {key: value.clone() if torch.is_tensor(value) else value for key, value in chunk.state_dict().items()} for name, chunk in zip(names(chunks), chunks)}


def differences(got, expected, vocabulary, zeros):
    """Of two states: {chunk: {name: tensor}}. Padding behind the vocabulary may be anything, or with `zeros` must be 0."""
    if set(got) - set(expected):
        yield f"more in the file: {sorted(set(got) - set(expected))}"
    for chunk, tensors in expected.items():
        mine = got.get(chunk, {})
        for name in sorted(set(mine) ^ set(tensors)):
            if not name.endswith("core_attention._extra_state"):  # TransformerEngine drops it from what it misses
                yield f"{chunk} {name}: only in {'the file' if name in mine else 'the real model'}"
        for name, tensor in tensors.items():
            if name in mine and torch.is_tensor(tensor) and not name.endswith("_extra_state"):
                yield from tensor_problems(f"{chunk} {name}", mine[name], tensor, vocabulary, zeros)


def tensor_problems(name, got, expected, vocabulary, zeros):
    if got.shape != expected.shape:
        yield f"{name}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}"
        return
    if name.endswith(("word_embeddings.weight", "output_layer.weight")):
        rows = max(0, min(len(expected), vocabulary - parallel_state.get_tensor_model_parallel_rank() * len(expected)))
        if zeros and (got[rows:] != 0).any():
            yield f"{name}: padding is not zero"
        got, expected = got[:rows], expected[:rows]
    if not torch.isfinite(expected.float()).all():
        yield f"{name}: not loaded"
    elif not torch.equal(got.float(), expected.float()):
        yield f"{name}: {int((got.float() != expected.float()).sum())} of {got.numel()} elements differ"


def logits_problems(chunks, args, config, case):
    error = layout_model.logits_error(chunks, args, config, case)
    if error is not None and not error <= TOLERANCE:
        yield f"logits differ by {error:.1e} of scale"


def file_problems(file, chunks, expected, config, case):
    """What is wrong with the rank's file: names, shapes, bits, padding, what it says, what it computes."""
    args = file["args"]
    yield from differences({key: value for key, value in file.items() if key.startswith("model")}, expected, args.vocab_size, True)
    spoil(chunks)
    for name, chunk in zip(names(chunks), chunks):
        chunk.load_state_dict(dict(file.get(name, {})), strict=True)
    yield from logits_problems(chunks, args, config, case)


def dist_problems(chunks, args, expected, config, case):
    """What is wrong with the torch_dist folder: the same, and that nobody asks for a key but carried tensors and objects."""
    yield from differences(loaded(chunks, release(case["dist"])), expected, args.vocab_size, False)
    yield from logits_problems(chunks, args, config, case)
    _, missing, absent = dist_checkpointing.load(sharded(chunks), release(case["dist"]), strict=StrictHandling.RETURN_ALL)
    if absent:
        yield f"asked for and not there: {sorted(absent)[:4]}"
    unread = sorted(key for key in missing if "_extra_state" not in str(key) and not str(key).startswith("hf."))
    if unread:
        yield f"nobody asks for {unread[:4]}"


def problems_of(case):
    args, problems = start(case), []
    file = rank_file(case, problems) if "torch" in case else None
    if "torch" in case and file is None:
        return problems
    use = file["args"] if file else args
    if file:
        problems += argument_problems(file, args, case)
    config = layout_model.config_of(use, case)
    chunks = layout_model.build(use, case, config)
    expected = loaded(chunks, release(case["golden"]))
    if file:
        problems += [f"torch: {one}" for one in file_problems(file, chunks, expected, config, case)]
    if args.padded_vocab_size != use.padded_vocab_size:
        chunks = layout_model.build(args, case, config)
        expected = loaded(chunks, release(case["golden"]))
    return problems + [f"torch_dist: {one}" for one in dist_problems(chunks, args, expected, config, case)]


def rank_main(rank, cases, out):
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(rank)
    for case in cases:
        try:
            with shim.CudaToCpu():
                problems = problems_of(case)
        except BaseException as problem:  # torch's CheckpointException is not an Exception
            place = traceback.extract_tb(problem.__traceback__)[-1]
            problems = [f"{type(problem).__name__}: {str(problem)[:600]} ({os.path.basename(place.filename)}:{place.lineno})"]
        out.write(json.dumps({"name": case["name"], "rank": rank, "problems": problems}) + "\n")
        out.flush()


def run_world(world, cases, scratch):
    """Forks `world` ranks and prints what they found."""
    os.environ.update(WORLD_SIZE=str(world), RENDEZVOUS=os.path.join(tempfile.mkdtemp(prefix="mhub-ranks-"), "store"))
    children = []
    for rank in range(world):
        path = os.path.join(scratch, f"result-{IMPL}-{world}-{rank}")
        child = os.fork()
        if child == 0:
            with open(path, "w") as out:
                rank_main(rank, cases, out)
            os._exit(0)
        children.append((child, path))
    for child, path in children:
        os.waitpid(child, 0)
        for line in open(path):
            print("\nRESULT " + line.strip(), flush=True)


def main():
    torch.set_num_threads(1)
    cases = json.load(open(sys.argv[1]))
    for world in sorted({case["world"] for case in cases}):
        run_world(world, [case for case in cases if case["world"] == world], os.path.dirname(sys.argv[1]))


if __name__ == "__main__":
    main()
