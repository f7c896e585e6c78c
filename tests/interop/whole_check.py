# SPDX-License-Identifier: Apache-2.0
"""Vision-language models as Megatron-Bridge's modules hold them: python whole_check.py MHUB SCRATCH [NAME...].

Tiny models (whole_models.py) are converted, verified and exported, also by nothing but what a folder says of itself, be it ours or
Bridge's own import; then the real Bridge judges our folders (whole_bridge.py). Exits 1 when anything failed."""

import json
import os
import shutil
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from arch_recipes import dry_runs
from hf_tensors import compare, hf_tensors, stored_tensors
from tiny_models import save_tokenizer
from whole_models import MODELS, UNREAD

BINARY, SCRATCH = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HERE = os.path.dirname(os.path.abspath(__file__))
LAYOUTS = {"dist": [], "torch2": ["--to", "torch", "--tp", "2"], "torch22": ["--to", "torch", "--tp", "2", "--pp", "2"], "gpt": ["--model-type", "gpt"]}
# What a Megatron folder does not say of a config.json, and no model depends on.
UNSAID = {"architectures", "dtype", "transformers_version", "initializer_range", "attention_dropout", "use_cache", "bos_token_id", "eos_token_id", "pad_token_id", "max_window_layers", "_name_or_path", "vision_use_head"}
results = []


def record(name, problem):
    results.append(problem)
    print(f"{'ok' if not problem else 'FAILED'}  {name}" + (f": {problem}" if problem else ""), flush=True)


def place(*parts):
    return os.path.join(SCRATCH, "-".join(parts))


def mhub(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)


def failure(run):
    return None if run.returncode == 0 else f"exit {run.returncode}: {run.stderr.strip()[-600:] or run.stdout.strip()[-600:]}"


def make(name):
    class_name, config, dtype = MODELS[name]
    model = getattr(transformers, class_name)._from_config(config())
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
            if key.endswith("linear_attn.norm.weight"):  # which Megatron stores minus one: Bridge rounds, mhub does not
                parameter.copy_(1 + (parameter * 64).round() / 64)
    model.to(getattr(torch, dtype)).save_pretrained(place(name))
    if class_name.startswith("Gemma4"):  # Bridge asks for it, and does not go on without
        save_tokenizer(place(name))
    state = hf_tensors(place(name))
    if class_name.startswith("Qwen3VLMoe"):  # as published; transformers 5 saves their matrices the other way round
        state = {key: value.transpose(1, 2).contiguous() if ".mlp.experts." in key else value for key, value in state.items()}
    if name.endswith("_mtp"):
        add_prediction_block(state, generator)
    save_file(state, os.path.join(place(name), "model.safetensors"), {"format": "pt"})


def add_prediction_block(state, generator):
    """As Qwen3.5 is published; transformers neither runs it nor writes it."""
    last = "model.language_model.layers.3."
    shapes = {key.replace(last, "mtp.layers.0."): value.shape for key, value in state.items() if key.startswith(last)}
    hidden = len(state["model.language_model.norm.weight"])
    shapes |= {f"mtp.{norm}.weight": [hidden] for norm in ("pre_fc_norm_embedding", "pre_fc_norm_hidden", "norm")}
    shapes["mtp.fc.weight"] = [hidden, 2 * hidden]
    state.update({key: torch.randn(shape, generator=generator) * 0.1 for key, shape in shapes.items()})


def logits(source):
    output = place("logits.npy")
    run = mhub("logits", source, "--tokens", ",".join(map(str, range(3, 30))), "--output", output, "--overwrite")
    return failure(run), None if run.returncode else np.load(output)


def published(tensors):
    """transformers writes SigLIP's tower otherwise from 5.6 on, and reads both."""
    return {key.replace("vision_tower.vision_model.", "vision_tower."): value for key, value in tensors.items()}


def exported(source, name, spelled=dict):
    """What is wrong with the export of a folder; the folder."""
    back = source + "-hf"
    run = mhub("convert", source, back, "--to", "hf")
    return failure(run) or compare(spelled(hf_tensors(place(name))), spelled(hf_tensors(back))), back


def said(config):
    if isinstance(config, dict):
        return {key: said(value) for key, value in config.items() if key not in UNSAID and value is not None}
    return list(config) if isinstance(config, tuple) else config


def config_problem(name, folder):
    """Whether transformers reads the same config there."""
    pair = [said(transformers.AutoConfig.from_pretrained(one).to_dict()) for one in (place(name), folder)]
    for config in pair:
        config["text_config"].pop("tie_word_embeddings", None)  # the outer one counts
    for part in ("text_config", "vision_config"):
        for config in pair:
            config.update({f"{part}.{key}": value for key, value in config.pop(part).items()})
    differing = [(key, value, pair[1].get(key)) for key, value in pair[0].items() if pair[1].get(key) != value]
    return f"config.json: {differing[:3]}" if differing else None


def check(name):
    hf, _, expected = place(name), make(name), None
    problem, expected = logits(hf)
    record(f"{name}: logits of a text from the Hugging Face folder", problem)
    for layout, options in LAYOUTS.items():
        folder = place(name, layout)
        problem = failure(mhub("convert", hf, folder, "--verify", *options))
        record(f"{name} {layout}: converted", problem)
        if problem:
            continue
        problem, found = logits(folder)
        record(f"{name} {layout}: the same logits", problem or (None if np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max() else "they differ"))
        record(f"{name} {layout}: verified against the source", failure(mhub("verify", hf, folder)))
        problem, back = exported(folder, name)
        record(f"{name} {layout}: exported", problem)
        shutil.rmtree(back, ignore_errors=True)
        if layout == "gpt":
            continue
        os.remove(os.path.join(folder, "mhub_manifest.json"))
        problem, back = exported(folder, name, published)
        record(f"{name} {layout}: exported by its own words", problem or config_problem(name, back))
    resharded = place(name, "resharded")
    record(f"{name}: resharded, from ranks of one layout to the other", failure(mhub("convert", place(name, "torch22"), resharded)))
    record(f"{name}: resharded, verified", failure(mhub("verify", place(name, "dist"), resharded)))
    record(f"{name}: resharded, bytes", compare_keys(place(name, "dist"), resharded))


def compare_keys(left, right):
    return compare(*(stored_tensors(os.path.join(folder, "release")) for folder in (left, right)))


def check_with_bridge(names):
    cases = []
    for name in names:
        vocabulary = json.load(open(os.path.join(place(name), "config.json")))["text_config"]["vocab_size"]
        cases.append({"name": name, "hf": place(name), "dtype": MODELS[name][2], "folder": place(name, "dist"), "torch2": place(name, "torch2"), "vocabulary": vocabulary, "unread": UNREAD.get(name)})
    path = place("cases.json")
    json.dump(cases, open(path, "w"))
    run = subprocess.run([sys.executable, os.path.join(HERE, "whole_bridge.py"), path, SCRATCH], capture_output=True, text=True)
    lines = [json.loads(line[len("RESULT "):]) for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    for result in sorted(lines, key=lambda one: one["name"]):
        record(result["name"], None if result["ok"] else result["detail"])
    if len(lines) != 4 * len(names):
        record("Bridge's answers", f"{len(lines)} of {4 * len(names)}: {run.stderr[-2000:]}")
    for name in names:
        problem, back = exported(place(name, "bridge"), name, published)
        record(f"{name}: our export of Bridge's import, by its own words", problem or config_problem(name, back))


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    names = sys.argv[3:] or list(MODELS)
    for name in names:
        check(name)
    record("recipes, dry", "; ".join(dry_runs(BINARY, SCRATCH, names)))
    check_with_bridge(names)
    failed = sum(bool(problem) for problem in results)
    print(f"models of the whole: {len(results) - failed} ok, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
