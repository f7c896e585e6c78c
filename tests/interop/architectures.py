# SPDX-License-Identifier: Apache-2.0
"""Every architecture, tiny: python architectures.py MHUB SCRATCH [NAME...|--slow]. --slow: those that differ little from others,
which are left out otherwise.

For each entry of arch_dense.py and arch_moe.py: make a random model with transformers, convert it into several layouts,
`mhub verify` each, export back with mhub's manifest and without it, and compare tensors bit for bit and the exported
model's logits with the original's; let megatron-core (alone, with a layer spec from examples/megatron, or through
Megatron-Bridge's provider) compute logits from the converted folder; compare keys and bits with Bridge's own import.
Prints a table, and exits 1 when a cell of it failed. So does a judge that did not run, unless absent_judges.json names it.
"""

import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import shim  # noqa: F401  (first: patches CUDA away)

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

import absent
import arch_dense
import arch_judges
import arch_recipes
import decilm_model
import softmax_moe_model
from tiny_models import randomize, save_tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = dict(arch_dense.MODELS)
if importlib.util.find_spec("arch_moe"):
    import arch_moe

    MODELS.update(arch_moe.MODELS)
# Those that only the newest transformers has (newest_check.py).
MODELS = {name: entry for name, entry in MODELS.items() if not entry.get("newest") or hasattr(transformers, entry["model"])}

# name: options of mhub convert
LAYOUTS = {
    "dist1": ["--to", "torch_dist"],
    "dist22": ["--to", "torch_dist", "--tp", "2", "--pp", "2"],
    "te222": ["--to", "torch", "--tp", "2", "--pp", "2", "--vpp", "2"],
    "dist_pp2": ["--to", "torch_dist", "--pp", "2"],
    "local2": ["--to", "torch", "--tp", "2", "--transformer-impl", "local"],
    "ep2": ["--to", "torch_dist", "--tp", "2", "--ep", "2", "--etp", "1"],
    "te_ep2": ["--to", "torch", "--tp", "2", "--ep", "2", "--etp", "1"],
    "local_ep2": ["--to", "torch", "--ep", "2", "--transformer-impl", "local"],
    "local_dist": ["--to", "torch_dist", "--transformer-impl", "local"],
    "hybrid_pp2": ["--to", "torch_dist", "--tp", "2", "--pp", "2", "--model-type", "hybrid"],
}
AS_HYBRID = ("gpt2", "llama", "qwen3_moe")  # tried under HybridModel's names too
TOGETHER = ("deepseek_v3", "glm4_moe", "mixtral", "nemotron_h", "qwen3_moe")  # whose experts are tried in one tensor too
DENSE = ["dist1", "dist22", "te222", "local2"]


def sizes(name, options):
    """The options of a layout for a model: megatron-core builds experts with biases with ETP 1 only."""
    return [*options, "--etp", "1"] if name.startswith("gpt_oss") and "--tp" in options and "--etp" not in options else options


def selected(words):
    """The models of these names; of none, all but the slow ones; of --slow, the slow ones alone."""
    if words and words != ["--slow"]:
        return [name for name in MODELS if name in words]
    return [name for name, entry in MODELS.items() if entry.get("slow", False) == bool(words)]


class Row:
    """One line of the table: what was found in each column."""

    def __init__(self, name, entry):
        self.name, self.entry, self.cells, self.failures, self.not_run = name, entry, {}, [], []
        self.flags, self.folders = [], {}  # what mhub convert printed; {layout: folder}

    def fail(self, column, detail):
        self.cells[column] = "FAIL"
        self.failures.append(f"{self.name}: {column}: {detail}")

    def text(self):
        cells = [self.cells.get(column, "-") for column in ("convert", "export", "logits", "judged by", "Megatron-LM", "Bridge")]
        name = self.entry.get("class_name", self.entry["model"])
        return f"{self.name:22}| {name:22}| {cells[0]:10}| {cells[1]:14}| {cells[2]:13}| {cells[3]:23}| {cells[4]:11}| {cells[5]}"


def mhub(binary, *arguments):
    return subprocess.run([binary, *arguments], capture_output=True, text=True)


def tensors_of(folder):
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(folder, name)))
    return tensors


def class_of(entry):
    """transformers' class, or one that is made of its parts."""
    return {**softmax_moe_model.CLASSES, **decilm_model.CLASSES}.get(entry["model"]) or getattr(transformers, entry["model"])


def float_model(entry, folder):
    """The saved model in float32. Loaded anew: casting a model to bfloat16 also rounds its rotary frequencies."""
    model_class = class_of(entry)
    # Megatron has no place for a padding token, and its default may lie beyond a tiny vocabulary.
    options = {"pad_token_id": entry["fields"]["pad_token_id"]} if "pad_token_id" in entry["fields"] else {}
    return model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **options).eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(ids, use_cache=False).logits.numpy()


def make(name, entry, folder):
    """The published form in `folder`, and golden.npz beside it: ids [2, T], float32 logits [2, T, V]."""
    config = getattr(transformers, entry["config"])(**entry["fields"])
    model = class_of(entry)._from_config(config, attn_implementation="eager").float().eval()
    randomize(model, sum(map(ord, name)))
    entry.get("prepare", lambda model: None)(model)
    plain = folder + "_plain" if "keys" in entry else folder
    model.to(getattr(torch, entry.get("dtype", "float32"))).save_pretrained(plain, max_shard_size=entry.get("shard", "1GB"))
    save_tokenizer(folder)
    ids = torch.randint(0, config.vocab_size, (2, 17), generator=torch.Generator().manual_seed(1))
    loaded = float_model(entry, plain)
    entry.get("compute", lambda model: None)(loaded)
    np.savez(os.path.join(folder, "golden.npz"), ids=ids.numpy(), logits=logits_of(loaded, ids))
    if "keys" in entry:
        save_file(entry["keys"](tensors_of(plain)), os.path.join(folder, "model.safetensors"), {"format": "pt"})
        published = entry["config_json"](json.load(open(os.path.join(plain, "config.json"))))
        json.dump(published, open(os.path.join(folder, "config.json"), "w"))


def convert(binary, row, hf, scratch):
    """Converts and verifies; returns {layout: folder} of what succeeded."""
    folders = {}
    names = row.entry.get("layouts", DENSE)
    for layout in [*names, *(["hybrid_pp2"] if row.name in AS_HYBRID else [])]:
        out = os.path.join(scratch, f"{row.name}-{layout}")
        run = mhub(binary, "convert", hf, out, "--json", *sizes(row.name, LAYOUTS[layout]))
        if run.returncode != 0:
            row.fail("convert", f"{layout}: {run.stderr.strip()}")
            continue
        check = mhub(binary, "verify", hf, out, "--json")
        if check.returncode != 0 or not json.loads(check.stdout)["equal"]:
            row.fail("convert", f"verify {layout}: {check.stderr.strip() or check.stdout[:300]}")
            continue
        said = json.loads(mhub(binary, "inspect", out, "--json").stdout)["notes"]
        if said:
            row.fail("convert", f"{layout}: a folder that nobody changed has notes: {said[:2]}")
        folders[layout] = out
        row.flags = json.loads(run.stdout)["megatron_lm_flags"]
        problem = arch_judges.flags_problem(row.flags)
        if problem:
            row.fail("convert", problem)
    row.cells.setdefault("convert", f"{len(folders)} layouts")
    return folders


def drop_manifest(folder):
    for root, _, files in os.walk(folder):
        for name in files:
            if name == "mhub_manifest.json":
                os.remove(os.path.join(root, name))


def export(binary, row, hf, folders, scratch):
    """From every layout, the first with its manifest and then all without; returns the exported folders."""
    exported = []
    cases = [(layout, True) for layout in list(folders)[:1]] + [(layout, False) for layout in folders]
    for layout, manifest in cases:
        out = os.path.join(scratch, f"{row.name}-{layout}-{'manifest' if manifest else 'bare'}")
        # Without the manifest the class is recognised, unless several build the same function.
        options = ["--hf-class", row.entry.get("class_name", row.entry["model"])] if row.entry.get("twin") and not manifest else []
        if not manifest:
            drop_manifest(folders[layout])
        run = mhub(binary, "convert", folders[layout], out, "--to", "hf", "--json", *options)
        if run.returncode != 0:
            row.fail("export", f"{layout} manifest={manifest}: {run.stderr.strip()}")
            continue
        wrong = [note for note in json.loads(run.stdout)["notes"] if "the checkpoint counts" in note or "does not say all" in note]
        if wrong:  # mhub wrote both what the checkpoint says and what lies beside it
            row.fail("export", f"{layout} manifest={manifest}: {wrong[0]}")
        original = tensors_of(hf)
        if not manifest:  # nothing says that they were there
            original = {key: tensor for key, tensor in original.items() if not key.endswith(row.entry.get("repeats", ()))}
        problem = compare_tensors(original, tensors_of(out))
        if problem:
            row.fail("export", f"{layout} manifest={manifest}: {problem}")
        written = json.load(open(os.path.join(out, "config.json")))["architectures"]
        if written != [row.entry.get("class_name", row.entry["model"])]:
            row.fail("export", f"{layout} manifest={manifest}: config.json says {written}")
        exported.append(out)
    row.cells.setdefault("export", f"{len(exported)} equal")
    return exported


def compare_tensors(left, right):
    """Tied heads may be left out on either side; tensors without elements hold nothing."""
    left, right = ({key: tensor for key, tensor in side.items() if tensor.numel() > 0} for side in (left, right))
    for key in sorted(set(left) ^ set(right)):
        return f"only on one side: {key}"
    for key, tensor in left.items():
        if tensor.dtype != right[key].dtype or tensor.shape != right[key].shape or not torch.equal(tensor, right[key]):
            return f"{key} differs"
    return None


def same_arguments(binary, row, folders, exported, scratch):
    """The exported config.json (transformers 4's spelling) says to Megatron what the original (5's) does."""
    out = os.path.join(scratch, f"{row.name}-again")
    run = mhub(binary, "convert", exported[-1], out, "--json", *LAYOUTS["dist1"])
    if run.returncode != 0:
        return row.fail("export", f"{exported[-1]} converted again: {run.stderr.strip()}")
    before, after = (vars(arch_judges.arguments(folder)) for folder in (folders["dist1"], out))
    wrong = [f"{key}: {before.get(key)} and {after.get(key)}" for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    if wrong:
        row.fail("export", f"{exported[-1]} converted again: {'; '.join(wrong)}")


def special_float(value):
    """transformers 5 writes Infinity as an object, 4 as Python's json module does."""
    return float(value["__float__"]) if set(value) == {"__float__"} else value


def exported_logits(row, hf, exported):
    """transformers loads the exported folders and computes the same; where it published other names, the config.json must be the same."""
    golden = np.load(os.path.join(hf, "golden.npz"))
    seen = {}
    for folder in exported:
        config = json.load(open(os.path.join(folder, "config.json")))
        if "keys" in row.entry:
            config, published = (json.loads(json.dumps(one), object_hook=special_float) for one in (config, json.load(open(os.path.join(hf, "config.json")))))
            # Without a manifest nobody says which token pads, and mhub says so (core/plugin/identify.cpp).
            unsaid = {"pad_token_id"} if config.get("pad_token_id", 0) is None else set()
            wrong = [key for key in published if key in config and config[key] != published[key] and key not in unsaid]
            if wrong:
                row.fail("export", f"{folder}: config.json differs in {wrong}")
        if "class_name" in row.entry:  # transformers has no such class
            continue
        key = json.dumps(config, sort_keys=True)
        if key not in seen:  # the tensors were compared already
            seen[key] = logits_of(float_model(row.entry, folder), torch.tensor(golden["ids"]))
        if not np.array_equal(seen[key], golden["logits"]):
            error = np.abs(seen[key] - golden["logits"]).max() / np.abs(golden["logits"]).max()
            row.fail("export", f"{folder}: transformers' logits differ by {error:.1e} of scale")


def stacked_experts(binary, row, hf):
    """Experts that lie together, as save_pretrained writes them when it is told not to go back to the published names."""
    folder = hf + "_together"
    float_model(row.entry, hf).to(getattr(torch, row.entry.get("dtype", "float32"))).save_pretrained(folder, save_original_format=False)
    if not any(".experts.down_proj" in key for key in tensors_of(folder)):
        return row.fail("convert", "save_pretrained wrote experts one by one")
    check = mhub(binary, "verify", hf, folder)
    if check.returncode != 0:
        row.fail("convert", f"experts that lie together: {check.stderr.strip() or check.stdout.strip()}")


def other_names(binary, row, hf, scratch):
    """The folder as transformers itself saves the class: the same model, and its names come back."""
    saved, out, back = hf + "_plain", os.path.join(scratch, f"{row.name}-renamed"), os.path.join(scratch, f"{row.name}-names")
    for command in (["verify", hf, saved], ["convert", saved, out], ["convert", out, back, "--to", "hf"]):
        run = mhub(binary, *command)
        if run.returncode != 0:
            return row.fail("convert", f"names of transformers 5: {run.stderr.strip() or run.stdout.strip()}")
    problem = compare_tensors(tensors_of(saved), tensors_of(back))
    if problem:
        row.fail("export", f"names of transformers 5: {problem}")


def router_bias(binary, row, hf, scratch):
    """The correction bias stays in float32 in a model that is cast."""
    run = mhub(binary, "convert", hf, os.path.join(scratch, "cast"), "--dtype", "bf16", "--dry-run", "--chunks", "--json")
    found = {(chunk["name"].endswith("expert_bias"), chunk["dtype"]) for chunk in json.loads(run.stdout)["chunks"]} if run.returncode == 0 else run.stderr
    if found != {(True, "float32"), (False, "bfloat16")}:
        row.fail("convert", f"--dtype bf16 gives {found}")


def refusals(binary, hf, scratch):
    """Configs and files that disagree are refused, naming the tensor and both shapes. Returns failures."""
    failures = []

    def refused(name, change_config, change_tensors, *wanted):
        folder = os.path.join(scratch, "refused-" + name)
        shutil.copytree(hf, folder)
        path = os.path.join(folder, "config.json")
        config = json.load(open(path))
        change_config(config)
        json.dump(config, open(path, "w"))
        tensors = tensors_of(folder)
        change_tensors(tensors)
        save_file(tensors, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        run = mhub(binary, "convert", folder, folder + "-out")
        if run.returncode != 3 or not all(part in run.stderr for part in wanted):
            failures.append(f"refuse {name}: exit {run.returncode}: {run.stderr.strip()}")

    def nothing(_):
        pass

    refused("groups", lambda c: c.update(num_key_value_heads=3), nothing, "k_proj", "[16, 48]", "[24, 48]")
    refused("extra", nothing, lambda t: t.update(extra=torch.ones(2)), "extra")
    refused("missing", nothing, lambda t: t.pop("model.layers.1.mlp.up_proj.weight"), "model.layers.1.mlp.up_proj.weight")
    refused("dual_chunks", lambda c: c.update(dual_chunk_attention_config={"chunk_size": 262144, "local_size": 8192}), nothing, "dual_chunk_attention_config")
    refused("scaling", lambda c: c.update(rope_parameters={"rope_type": "unheard"}), nothing, "unheard")
    return failures


def main():
    binary, scratch, names = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    print(shim.versions())
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    rows = [Row(name, MODELS[name]) for name in selected(names)]
    failures = []

    def one(row):
        hf = os.path.join(scratch, row.name)
        folders = convert(binary, row, hf, scratch)
        return hf, folders, export(binary, row, hf, folders, scratch) if folders else []

    with ThreadPoolExecutor(2) as pool:
        pending = []
        for row in rows:
            try:
                make(row.name, row.entry, os.path.join(scratch, row.name))
                pending.append((row, pool.submit(one, row)))
            except Exception as problem:
                row.fail("make", f"{type(problem).__name__}: {str(problem)[:300]}")
        cases = []
        for row, job in pending:
            hf, folders, exported = job.result()
            try:
                exported_logits(row, hf, exported)
                same_arguments(binary, row, folders, exported, scratch)
                if row.entry.get("keys") is arch_moe.nemotron_keys:
                    other_names(binary, row, hf, scratch)
                if row.name in TOGETHER:
                    stacked_experts(binary, row, hf)
                    if "prepare" in row.entry:
                        router_bias(binary, row, hf, scratch)
            except Exception as problem:
                row.fail("export", f"transformers: {type(problem).__name__}: {str(problem)[:300]}")
            row.folders = folders
            if "dist1" in folders:
                cases.append((row, hf, folders["dist1"], folders.get(row.entry.get("judged", "dist1"))))
    te = [(row, hf, folder) for row, hf, folder, _ in cases]
    arch_judges.core([(row, hf, judged) for row, hf, _, judged in cases if judged])
    arch_judges.two_ranks(te, scratch)
    # Megatron-LM and Bridge run with the local spec here, so folders with its keys are what they load and import.
    local = [(row, hf, judged or folder) for row, hf, folder, judged in cases]
    arch_judges.megatron_lm(local, scratch)
    arch_judges.bridge(local, scratch)
    for row in rows:
        print(row.text(), flush=True)
        failures += row.failures
    if not names or "qwen2" in names:
        failures += refusals(binary, os.path.join(scratch, "qwen2"), scratch)
    failures += arch_recipes.dry_runs(binary, scratch, [row.name for row in rows])
    skipped = [judge for row in rows for judge in row.not_run]
    failures += absent.unexcused(skipped)
    for failure in failures:
        print("FAIL " + failure)
    print(f"architectures: {len(rows)} models, {len(failures)} failures, {len(skipped)} judges not run")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
