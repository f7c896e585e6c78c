# SPDX-License-Identifier: Apache-2.0
"""Are the layouts that mhub writes what megatron-core's own ranks expect?

    layouts_check.py MHUB SCRATCH PART [--all] [NAME...]

PART is one of layout_cases.PARTS; --all tries everything that is known there; NAMEs choose models. For each family of models
and each kind of layout, in both implementations, real gloo ranks build the real model (layout_ranks.py) and compare: the set of
rank files, names, shapes, bits, padding, module objects, arguments, keys of torch_dist, and logits where modules compute."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import architectures
import layout_cases

HERE = os.path.dirname(os.path.abspath(__file__))


def made(models, scratch):
    """{model: folder}"""
    folders = {}
    for model in models:
        entry, folders[model] = layout_cases.MODELS[model], os.path.join(scratch, "hf", model)
        os.makedirs(os.path.dirname(folders[model]), exist_ok=True)
        entry["make"](folders[model]) if "make" in entry else architectures.make(model, entry, folders[model])
    return folders


def compares_files(case):
    """megatron-core has no local specs of Mamba layers and delta nets (layout_model.py makes its own), and the specs of examples/megatron keep
    norms in modules of their own, which TransformerEngine's fused names have no place for: mhub says so."""
    if case["impl"] == "local":
        return case["model"] not in ("delta", "delta_mtp", "mamba", "hybrid")
    return case["kind"] != "spec"


def convert(binary, case, scratch):
    """Writes the case's folders, and returns what mhub has against it."""
    type_of = ["--model-type", "hybrid"] if "--model-type" in case["options"] else []
    folders = {"golden": ["--to", "torch_dist", *type_of], "dist": ["--to", "torch_dist", *case["options"].split()]}
    if compares_files(case):
        folders["torch"] = ["--to", "torch", *case["options"].split()]
    for what, options in folders.items():
        place = [case["model"], *type_of, case["impl"]] if what == "golden" else [case["name"]]
        out = os.path.join(scratch, what, "_".join(place).replace(" ", "_").replace("|", "-"))
        case[what] = out
        if what == "golden" and os.path.isdir(out):
            continue
        os.makedirs(os.path.dirname(out), exist_ok=True)
        run = subprocess.run([binary, "convert", case["hf"], out, "--transformer-impl", case["impl"], *options], capture_output=True, text=True)
        if run.returncode != 0:
            return f"{' '.join(options)}: exit {run.returncode}: {run.stderr.strip()}"
    return None


def ranks_say(cases, impl, scratch):
    """{name: [what a rank found]}, one entry a rank, and the end of what the ranks printed."""
    path = os.path.join(scratch, f"cases-{impl}.json")
    json.dump([case for case in cases if case["impl"] == impl], open(path, "w"))
    environment = dict(os.environ, OMP_NUM_THREADS="1", CUDA_DEVICE_MAX_CONNECTIONS="1")
    run = subprocess.run([sys.executable, os.path.join(HERE, "layout_ranks.py"), path, impl], capture_output=True, text=True, env=environment)
    found = {}
    for line in run.stdout.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line[len("RESULT "):])
            found.setdefault(result["name"], []).append([f"rank {result['rank']}: {problem}" for problem in result["problems"]])
    return found, run.stderr[-800:]


def main(binary, scratch, part, chosen):
    everything, models = "--all" in chosen, [word for word in chosen if word != "--all"]
    cases = [case for case in layout_cases.cases(part, everything) if not models or case["model"] in models]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folders = made(dict.fromkeys(case["model"] for case in cases), scratch)
    for case in cases:
        case["hf"] = folders[case["model"]]
    refusals = {case["name"]: convert(binary, case, scratch) for case in cases}
    good = [case for case in cases if refusals[case["name"]] is None]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda impl: ranks_say(good, impl, scratch), ("local", "te")))
    failures = 0
    for case in cases:
        found, end = answers[case["impl"] == "te"]
        said = found.get(case["name"], [])
        problems = [refusals[case["name"]]] if refusals[case["name"]] else [problem for rank in said for problem in rank]
        if not problems and len(said) < case["world"]:
            problems = [f"{len(said)} of {case['world']} ranks answered: {end}"]
        failures += bool(problems)
        more = f" ... {len(problems)} in all" if len(problems) > 6 else ""
        print(f"{'FAIL' if problems else 'ok  '} {case['name']}, {case['world']} ranks{': ' if problems else ''}{'; '.join(problems[:6])}{more}", flush=True)
    print(f"layouts of {part}: {len(cases)} cases, {failures} failures")
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3], sys.argv[4:]))
