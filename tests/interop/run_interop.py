# SPDX-License-Identifier: Apache-2.0
"""Runs every check against the real packages: python run_interop.py MHUB SCRATCH.

Makes tiny models with transformers, converts them with mhub, and has megatron-core, Megatron-LM's loader, Megatron-Bridge
and torch judge the result. Prints a table and exits 1 when anything failed. So does a judge that did not run, unless
absent_judges.json names it.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import absent
import ranks

HERE = os.path.dirname(os.path.abspath(__file__))
# name: (dtype, tensor-parallel size of the folder that is compared). An odd vocabulary is padded for TP=2, which Bridge's
# own import (always TP=1) does not do, so those are compared at 1.
BRIDGE_MODELS = {"llama_gqa": ("bfloat16", 2), "llama_mha_shards": ("float32", 1), "llama_mqa_tied": ("float32", 1), "llama_head_dim": ("float32", 2)}
HYBRID_MODELS = ["gpt2", "llama_gqa", "llama_mqa_tied"]
OLDER_CORES = ["0.12.3", "0.14.0", "0.16.1"]
OLDER_CORE_MODELS = ["gpt2", "llama_gqa", "llama_mqa_tied"]
MLM_MODELS = ["gpt2", "llama_gqa", "llama_mqa_tied", "llama_llama3", "llama_linear"]
# (format, tp, pp, further options)
LAYOUTS = [
    ("torch_dist", 1, 1, []),
    ("torch_dist", 2, 1, []),
    ("torch_dist", 2, 2, []),
    ("torch", 1, 1, ["--transformer-impl", "local"]),
    ("torch", 2, 1, ["--transformer-impl", "local"]),
    ("torch", 1, 2, ["--transformer-impl", "local"]),
]
# Ranks that share query groups: one group on TP 2 is llama_mqa_tied in the layouts above.
SHARED_GROUPS = {name: [("torch_dist", tp, 1, []), ("torch", tp, 1, ["--transformer-impl", "local"])] for name, tp in (("llama_two_groups", 4), ("llama_three_groups", 6))}

results, not_run = [], []  # not_run: (judge, what it would have judged)


def record(name, ok, detail):
    results.append((name, ok, detail))
    print(f"{'ok  ' if ok else 'FAIL'} {name}: {detail}", flush=True)


def python(script, *arguments, env=None):
    command = [sys.executable, os.path.join(HERE, script), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=HERE)


def collect(processes, expected, label):
    """Records the RESULT lines of the processes; missing ones fail with the end of the output."""
    seen = 0
    outputs = [process.communicate()[0] for process in processes]
    for output in outputs:
        for line in output.splitlines():
            if line.startswith("RESULT "):
                result = json.loads(line[len("RESULT "):])
                record(f"{label}: {result['name']}" if "name" in result else label, result["ok"], result["detail"])
                seen += 1
    if seen < expected or any(process.returncode for process in processes):
        tail = " | ".join(output.strip()[-700:].replace("\n", " / ") for output in outputs)
        record(label, False, f"{seen} of {expected} results, exit {[p.returncode for p in processes]}: {tail}")


def mhub(binary, *arguments):
    return subprocess.run([binary, *arguments], capture_output=True, text=True)


def convert_all(binary, tiny, scratch):
    cases = []
    for name in sorted(os.listdir(tiny)):
        for form, tp, pp, options in SHARED_GROUPS.get(name, LAYOUTS):
            out = os.path.join(scratch, f"{name}-{form}-{tp}-{pp}")
            run = mhub(binary, "convert", os.path.join(tiny, name), out, "--to", form, "--tp", str(tp), "--pp", str(pp), "--json", *options)
            if run.returncode != 0:
                record(f"convert {name} {form} tp{tp} pp{pp}", False, run.stderr.strip())
                continue
            check = mhub(binary, "verify", os.path.join(tiny, name), out, "--json")
            if check.returncode != 0 or not json.loads(check.stdout)["equal"]:
                record(f"verify {name} {form} tp{tp} pp{pp}", False, check.stderr.strip() + check.stdout[:300])
            # torch_dist is free of its layout: a folder written for TP=2 PP=2 must also load on one rank.
            load = (1, 1) if form == "torch_dist" and pp > 1 else (tp, pp)
            cases.append({"name": f"{name} {form} written tp{tp} pp{pp}, loaded tp{load[0]} pp{load[1]}", "hf": os.path.join(tiny, name), "megatron": out,
                          "format": form, "tp": load[0], "pp": load[1], "flags": json.loads(run.stdout)["megatron_lm_flags"], "model": name, "written": (form, tp, pp)})
    run = mhub(binary, "convert", os.path.join(tiny, "llama_three_groups"), os.path.join(scratch, "refused"), "--tp", "2")
    record("refuse TP=2 with three query groups", run.returncode == 3 and "6 query heads in 3 groups" in run.stderr and "would do: 1, 3, 6" in run.stderr, run.stderr.strip())
    return cases


def core_logits(cases, path):
    json.dump(cases, open(path, "w"))
    for world in sorted({case["tp"] * case["pp"] for case in cases}):
        collect(ranks.start("core_logits.py", path, world), sum(case["tp"] * case["pp"] == world for case in cases), "megatron-core")


def older_cores(cases, path):
    """The torch_dist and torch folders written for one rank, loaded by older megatron-cores."""
    chosen = [case for case in cases if case["tp"] * case["pp"] == 1 and case["model"] in OLDER_CORE_MODELS]
    json.dump(chosen, open(path, "w"))
    for version in OLDER_CORES:
        folder = os.path.join(sys.prefix, "cores", version)
        if not os.path.isdir(folder):
            not_run.append((f"megatron-core {version}", "its loads and saves"))
            continue
        collect([python("core_logits.py", path, env=dict(os.environ, PYTHONPATH=folder))], len(chosen), f"megatron-core {version}")


def megatron_lm(cases):
    if importlib.util.find_spec("megatron.training") is None:
        not_run.append(("Megatron-LM", "its loader"))
        return
    for case in cases:
        if case["model"] in MLM_MODELS and case["written"] in (("torch_dist", 2, 1), ("torch", 1, 1)):
            flags = case["flags"] + ([] if case["format"] == "torch_dist" else ["--ckpt-format torch"])
            collect([python("mlm_load.py", case["hf"], case["megatron"], *flags)], 1, f"Megatron-LM {case['model']} {case['format']}")


def run_ranks(script, path, world, more):
    """One process per rank, with `more` in its environment; returns their outputs, and whether all ended well."""
    processes = ranks.start(script, path, world, **more)
    outputs = [process.communicate()[0] for process in processes]
    return outputs, all(process.returncode == 0 for process in processes)


# name: (model, keys, prefix, has args, format)
SAVED = {
    "stacked": ("llama_gqa", "stacked", "", True, "torch_dist"),
    "per-layer keys, wrapped": ("llama_gqa", "layers", "module.", True, "torch_dist"),
    "singleton shards": ("gpt2", "singleton", "", True, "torch_dist"),
    "singleton shards, without args": ("llama_gqa", "singleton", "", False, "torch_dist"),
    "rank files, wrapped": ("llama_gqa", "stacked", "module.", True, "torch"),
    "rank files": ("gpt2", "stacked", "", True, "torch"),
}


def origin(binary, folder):
    """What mhub says of who saved a checkpoint."""
    run = mhub(binary, "inspect", folder, "--json")
    said = json.loads(run.stdout)["megatron"] if run.returncode == 0 else {"failed": run.stderr.strip()}
    return {key: value for key, value in said.items() if key != "fields"}


def saved_by_core(binary, cases, scratch, label, env=None, tp=2, chosen=SAVED):
    """megatron-core trains and saves; mhub exports; transformers must give the real model's logits."""
    start = {case["model"]: case["megatron"] for case in cases if case["written"] == ("torch_dist", 2, 1)}
    folder = os.path.join(scratch, "saved-" + label.split()[-1])
    os.makedirs(folder)
    jobs = [{"name": name, "hf": os.path.join(scratch, "tiny", model), "megatron": start[model], "out": os.path.join(folder, f"{k}"), "tp": tp,
             "keys": keys, "prefix": prefix, "args": args, "format": form} for k, (name, (model, keys, prefix, args, form)) in enumerate(chosen.items())]
    path = os.path.join(folder, "jobs.json")
    json.dump(jobs, open(path, "w"))
    outputs, good = run_ranks("core_saved.py", path, tp, env or {})
    if not good:
        record(f"{label} saves", False, " | ".join(output.strip()[-700:].replace("\n", " / ") for output in outputs))
        return
    exported = []
    for job in jobs:
        said = origin(binary, job["out"])
        expected = {"writer": "Megatron-LM" if job["args"] else None, "iteration": "5", "optimizer": True, "args": job["args"], "run_config": False}
        record(f"{label} saved, {job['name']}: inspect", said.items() >= expected.items() and said.get("sizes", {"tp": tp})["tp"] == tp, str(said))
        out = job["out"] + "-hf"
        options = [] if job["args"] else ["--hf-reference", job["hf"]]
        run = mhub(binary, "convert", job["out"], out, "--to", "hf", "--verify", "--json", *options)
        if run.returncode != 0:
            record(f"{label} saved, {job['name']}: export", False, run.stderr.strip())
            continue
        exported.append({"name": job["name"], "exported": out, "golden": os.path.join(job["out"], "trained.npz")})
    json.dump(exported, open(path, "w"))
    collect([python("exported.py", path)], len(exported), f"{label} saved, exported, transformers")


def older_saves(binary, cases, scratch):
    for version in OLDER_CORES:
        folder = os.path.join(sys.prefix, "cores", version)
        if os.path.isdir(folder):  # else reported by older_cores
            chosen = {name: SAVED[name] for name in ("stacked", "rank files")}
            saved_by_core(binary, cases, scratch, f"megatron-core {version}", {"PYTHONPATH": folder}, chosen=chosen)


def hybrid(binary, tiny, scratch):
    if importlib.util.find_spec("megatron.core.models.hybrid") is None:
        not_run.append(("HybridModel", "its logits"))
        return
    jobs = []
    for name in HYBRID_MODELS:
        out = os.path.join(scratch, f"{name}-hybrid")
        run = mhub(binary, "convert", os.path.join(tiny, name), out, "--model-type", "hybrid", "--pp", "2", "--verify", "--json")
        if run.returncode != 0:
            record(f"convert {name} hybrid", False, run.stderr.strip())
        jobs.append({"name": name, "hf": os.path.join(tiny, name), "megatron": out})
    path = os.path.join(scratch, "hybrid.json")
    json.dump(jobs, open(path, "w"))
    collect([python("hybrid_logits.py", path)], len(jobs), "HybridModel")
    for job in jobs:
        gpt = os.path.join(scratch, job["name"] + "-for-hybrid")
        run = mhub(binary, "convert", job["hf"], gpt, "--json")  # of one rank, as the other: the vocabulary's padding is the same
        flags = json.loads(run.stdout)["megatron_lm_flags"] if run.returncode == 0 else []
        collect([python("hybrid_from_gpt.py", job["hf"], gpt, job["megatron"], *flags)], 1, f"Megatron-LM's GPT to HybridModel {job['name']}")


def archives(binary, tiny, scratch):
    for name in ("gpt2_untied", "llama_gqa", "llama_mha_shards"):
        archive = os.path.join(scratch, f"{name}.h5")
        run = mhub(binary, "convert", os.path.join(tiny, name), archive, "--to", "hdf5", "--json")
        if run.returncode != 0:
            record(f"archive {name}", False, run.stderr.strip())
            continue
        collect([python("hdf5_check.py", archive, os.path.join(tiny, name))], 1, f"h5py {name}")
        back = os.path.join(scratch, f"{name}-from-h5")
        run = mhub(binary, "convert", archive, back, "--to", "hf", "--json")
        check = mhub(binary, "verify", os.path.join(tiny, name), back)
        record(f"archive {name} back", run.returncode == 0 and check.returncode == 0, run.stderr.strip() + check.stdout.strip())


def saved_by_bridge(binary, chosen, scratch):
    """Bridge's own imports, exported by mhub from nothing but what Bridge wrote."""
    jobs = []
    for case in chosen:
        said = origin(binary, os.path.join(scratch, case["name"] + "_imported"))
        record(f"Bridge saved {case['name']}: inspect", said.get("writer") == "Megatron-Bridge" and said["run_config"] and not said["optimizer"], str(said))
        out = os.path.join(scratch, case["name"] + "_from_bridge")
        run = mhub(binary, "convert", os.path.join(scratch, case["name"] + "_imported"), out, "--to", "hf", "--json")
        if run.returncode != 0:
            record(f"Bridge saved {case['name']}: export", False, run.stderr.strip())
            continue
        jobs.append({"name": case["name"], "exported": out, "original": case["hf"]})
    path = os.path.join(scratch, "from_bridge.json")
    json.dump(jobs, open(path, "w"))
    collect([python("exported.py", path)], len(jobs), "Bridge saved, exported, tensors")


def bridge(binary, cases, scratch, path):
    if importlib.util.find_spec("megatron.bridge") is None:
        not_run.append(("Megatron-Bridge", "exports and imports"))
        return
    chosen = [dict(case, dtype=BRIDGE_MODELS[case["model"]][0], name=case["model"]) for case in cases
              if case["model"] in BRIDGE_MODELS and case["written"] == ("torch_dist", BRIDGE_MODELS[case["model"]][1], 1)]
    json.dump(chosen, open(path, "w"))
    collect([python("bridge.py", path, scratch)], 2 * len(chosen), "Megatron-Bridge")
    saved_by_bridge(binary, chosen, scratch)


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    tiny = os.path.join(scratch, "tiny")
    os.makedirs(tiny)
    print(subprocess.run([sys.executable, "-c", "import shim; print(shim.versions())"], cwd=HERE, capture_output=True, text=True).stdout.strip())
    subprocess.run([sys.executable, os.path.join(HERE, "tiny_models.py"), tiny], check=True, stderr=subprocess.DEVNULL)
    cases = convert_all(binary, tiny, scratch)
    record("conversions", len(cases) > 0, f"{len(cases)} converted and verified")
    core_logits(cases, os.path.join(scratch, "cases.json"))
    older_cores(cases, os.path.join(scratch, "older.json"))
    megatron_lm(cases)
    saved_by_core(binary, cases, scratch, "megatron-core")
    older_saves(binary, cases, scratch)
    hybrid(binary, tiny, scratch)
    archives(binary, tiny, scratch)
    bridge(binary, cases, scratch, os.path.join(scratch, "bridge.json"))
    for failure in absent.unexcused(not_run):
        record("judges", False, failure)
    failed = [name for name, ok, _ in results if not ok]
    print(f"interop: {len(results) - len(failed)} ok, {len(failed)} failed, {len(not_run)} not run")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
