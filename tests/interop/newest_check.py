# SPDX-License-Identifier: Apache-2.0
"""Every architecture as the newest transformers has it: python newest_check.py MHUB SCRATCH [NAME...].

Megatron-Bridge pins a transformers of its own, which the other checks use. Here the newest one (requirements_newest.txt) saves
the tiny models of arch_dense.py and arch_moe.py; mhub converts and verifies them, gives them back bit for bit, with its
manifest and without it, and computes what this transformers computes: logits, and 32 greedy tokens. It loads the exported folders
and computes the same of them. Of classes that it alone has, Megatron-Bridge's import is compared and its provider computes logits too. So too the models with images of multimodal_models.py, of which texts are computed. Exits 1 when anything failed.
"""

import os
import pathlib
import shutil
import sys

import newest  # first: the script runs anew

import architectures  # then: patches CUDA away

newest.without_stand_ins()

import torch
import transformers

import absent
import arch_judges
import logits_check
import multimodal_check

LAYOUTS = ["dist22", "te222"]


def olmo3_yarn(entry):
    """Positions of each kind of layer on their own, and right without a hook."""
    yarn = entry["fields"]["rope_parameters"]
    plain = {"rope_type": "default", "rope_theta": yarn["rope_theta"]}
    fields = {**entry["fields"], "rope_parameters": {"full_attention": yarn, "sliding_attention": plain}}
    return {key: value for key, value in entry.items() if key not in ("compute", "class_name")} | {"fields": fields}


#: What is said otherwise since the release that the other checks use.
CHANGED = {"olmo3_yarn": olmo3_yarn}
#: Whose classes of the whole do with logits what their decoders' own classes do.
WHOLE_HEADS = ("paligemma2",)


def bridge(row, hf, folders, scratch):
    """Megatron-Bridge's part, with the transformers that it pins."""
    newest, paths = os.environ.pop("MHUB_NEWEST"), os.environ["PYTHONPATH"]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths.split(os.pathsep) if path != newest)
    try:
        arch_judges.bridge([(row, hf, folders["local_dist"])], scratch)
    finally:
        os.environ.update(MHUB_NEWEST=newest, PYTHONPATH=paths)


def check(binary, name, scratch):
    """The row of one architecture, and a line for people."""
    entry = CHANGED.get(name, dict)(architectures.MODELS[name])
    possible = entry.get("layouts", architectures.DENSE)
    if not entry.get("newest"):
        entry["layouts"] = [one for one in LAYOUTS if one in possible] or possible[:2]
    row, hf, line = architectures.Row(name, entry), os.path.join(scratch, name), ""
    try:
        architectures.make(name, entry, hf)
        folders = architectures.convert(binary, row, hf, scratch)
        architectures.exported_logits(row, hf, architectures.export(binary, row, hf, folders, scratch))
        if entry.get("newest"):
            bridge(row, hf, folders, scratch)
        if "generated" in entry:  # sizes that generation covers
            entry["fields"] = {**entry["fields"], **entry["generated"]}
            architectures.make(name, entry, hf := hf + "_generated")
        worst = logits_check.compare(binary, hf, logits_check.Truth(entry, hf), scratch)
        line = f"{name}: logits within {worst:.1e} of scale" + "".join(f", {column}: {row.cells[column]}" for column in ("judged by", "Bridge") if column in row.cells)
    except Exception as problem:
        row.fail("newest", f"{type(problem).__name__}: {str(problem)[:400]}")
    return row, line


def check_whole(binary, name, scratch):
    """A model with images; what could not be judged."""
    class_name, config, decoder, options = multimodal_check.MODELS[name]
    if name in WHOLE_HEADS:
        options = {key: value for key, value in options.items() if key != "head"}
        multimodal_check.MODELS[name] = (class_name, config, decoder, options)
    hf = os.path.join(scratch, name)
    try:
        multimodal_check.make(name, hf)
    except AttributeError as problem:
        return [(f"newest transformers of {name}", str(problem))]
    try:
        multimodal_check.check_layouts(binary, name, hf, scratch)
    except Exception as problem:
        multimodal_check.record(f"{name}: newest", f"{type(problem).__name__}: {str(problem)[:400]}")
    return []


def clear(scratch, name):
    for left in pathlib.Path(scratch).glob(name + "*"):
        shutil.rmtree(left)


def main():
    binary, scratch, names = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    print("transformers " + transformers.__version__)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    failures, not_run = [], []
    rows = architectures.selected(names)
    for name in rows:
        row, line = check(binary, name, scratch)
        failures += row.failures
        print(f"FAIL {row.failures[0]}" if row.failures else "ok   " + line, flush=True)
        clear(scratch, name)
    wholes = [name for name in multimodal_check.MODELS if not names or name in names]
    multimodal_check.LAYOUTS = {layout: multimodal_check.LAYOUTS[layout] for layout in multimodal_check.FEW}
    for name in wholes:
        not_run += check_whole(binary, name, scratch)
        clear(scratch, name)
    failures += [problem for problem in multimodal_check.results if problem]
    for failure in absent.unexcused(not_run):
        failures.append(failure)
        print("FAIL " + failure)
    print(f"newest: {len(rows)} architectures, {len(wholes)} with images, {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
