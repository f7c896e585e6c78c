# SPDX-License-Identifier: Apache-2.0
"""Foreign files, changed at random:  fuzz.py MHUB FUZZ SCRATCH SECONDS [NAMES]

Makes a sound folder of each kind with MHUB and runs FUZZ (reader.cpp) on its files (NAMES of TARGETS, or all), for SECONDS in all. FUZZ is the standalone program,
or libFuzzer's (run.sh builds it), which keeps its corpus in SCRATCH."""

import base64
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ceilings"))
import inputs

MHUB, FUZZ, SCRATCH = map(os.path.abspath, sys.argv[1:4])
SECONDS, *NAMES = sys.argv[4:]
KEEPS = os.path.basename(FUZZ) == "libfuzzer"
TEMPLATE = ("{% for m in messages %}{% if m['role'] == 'user' and loop.index0 % 2 == 1 %}<|u|>{{ m['content']|trim }}{% else %}"
            "{{ m.content.split(' ')[0] ~ loop.length }}{% endif %}{% endfor %}{% macro f(x, y=2) %}{{ x + y }}{% endmacro %}{{ f(1) }}"
            "{% if add_generation_prompt %}{{ '%s:' % ['a', 'b']|join(',') }}{% endif %}")
TOKENIZER = inputs.tokenizer(
    added_tokens=[{"id": 20, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": True, "normalized": False, "special": True}],
    normalizer=inputs.sequence("normalizers", [{"type": "NFKC"}, inputs.replace(" ", "a"), {"type": "Prepend", "prepend": "b"}]),
    pre_tokenizer=inputs.sequence("pretokenizers", [inputs.split(r"\p{L}+|\s+"), {"type": "ByteLevel", "add_prefix_space": False}]),
    decoder={"type": "ByteLevel"},
    model={"type": "BPE", "vocab": {**inputs.ALPHABET, "ab": 21, "abc": 22}, "merges": ["a b", "ab c"], "unk_token": "a", "byte_fallback": True})
RECIPE = b"""name: a
variables: {v: "x${env:NO:-y}", w: "${v}${v}"}
defaults: &d {tp: 2, generate: {tokens: "1,2"}, upload: org/x@dev}
conversions:
  - {source: a, output: b, to: torch, <<: *d}
  - {name: m, source: "${outputs.b}", output: "d-${l}-${tp}$${", matrix: {l: [{name: p, pp: 2}, {dtype: bf16}], tp: [1, 2], exclude: [{tp: 2, l: p}]}}
  - {sources: "no*/iter_*", output: "e/{run}/{iteration}", needs: [m-p-tp1, b]}
"""
GENERATION = b'{"eos_token_id": [1, 2], "temperature": 0.7, "top_k": 50, "top_p": 0.9, "do_sample": true, "max_length": 20}'

# The folder, and the file in it that is changed; a star stands for the only iteration folder.
TARGETS = {
    "config": ("hf", "config.json"), "safetensors": ("hf", "model.safetensors"), "tokenizer": ("hf", "tokenizer.json"),
    "template": ("hf", "chat_template.jinja"), "generation": ("hf", "generation_config.json"), "recipe": ("hf", "recipe.yaml"),
    "torch": ("torch", "*/mp_rank_00/model_optim_rng.pt"), "metadata": ("torch_dist", "*/.metadata"), "common": ("torch_dist", "*/common.pt"),
    "picture": ("hf", "picture"), "processor": ("hf", "preprocessor_config.json"), "distcp": ("torch_dist", "*/__0_0.distcp"), "run_config": ("torch_dist", "*/run_config.yaml"), "hdf5": ("hdf5", "model.h5")}


def make_folders():
    hf = os.path.join(SCRATCH, "hf")
    for made in ("hf", "hdf5", "torch", "torch_dist", *([] if KEEPS else ["corpus"])):
        shutil.rmtree(os.path.join(SCRATCH, made), ignore_errors=True)
    os.makedirs(hf)
    for name, content in inputs.model(**{"tokenizer.json": TOKENIZER, "chat_template.jinja": TEMPLATE.encode(), "recipe.yaml": RECIPE,
                                         "generation_config.json": GENERATION, "picture": b"BM", "preprocessor_config.json": b"{}",
                                         "processor_config.json": b'{"patch_size": 14}'}).items():
        with open(os.path.join(hf, name), "wb") as file:
            file.write(content)
    os.makedirs(os.path.join(SCRATCH, "hdf5"))
    for format, out in (("torch", "torch"), ("torch_dist", "torch_dist"), ("hdf5", "hdf5/model.h5")):
        subprocess.run([MHUB, "convert", hf, os.path.join(SCRATCH, out), "--to", format], check=True, capture_output=True)


def write_seeds(corpus, target, folder, name):
    """The sound files, of which changed ones are made."""
    os.makedirs(corpus, exist_ok=True)
    if target == "processor":
        with open(os.path.join(HERE, "..", "golden", "processors.json")) as kept:
            for name, one in json.load(kept)["cases"].items():
                with open(os.path.join(corpus, name), "w") as out:
                    json.dump({**one["preprocessor"], **one["kwargs"], "processor_class": one.get("processor", {}).get("processor_class")}, out)
        return
    if target != "picture":
        shutil.copy(os.path.join(SCRATCH, folder, found(folder, name)), corpus)
        return
    with open(os.path.join(HERE, "..", "golden", "pictures.json")) as kept:
        for name, one in json.load(kept)["pictures"].items():
            with open(os.path.join(corpus, name), "wb") as out:
                out.write(base64.b64decode(one["file"]))


def found(folder, name):
    if name.startswith("*/"):
        root = os.path.join(SCRATCH, folder)
        iteration = next(one for one in sorted(os.listdir(root)) if os.path.isdir(os.path.join(root, one)))
        name = iteration + name[1:]
    assert os.path.isfile(os.path.join(SCRATCH, folder, name)), name
    return name


def main():
    targets = NAMES or list(TARGETS)
    seconds = str(max(1, int(SECONDS) // len(targets)))
    make_folders()
    failures = []
    for target in targets:
        folder, name = TARGETS[target]
        corpus = os.path.join(SCRATCH, "corpus", target)
        write_seeds(corpus, target, folder, name)
        environment = {**os.environ, "FUZZ_FOLDER": os.path.join(SCRATCH, folder), "FUZZ_FILE": found(folder, name), "FUZZ_SECONDS": seconds,
                       "FUZZ_SEEDS": corpus,
                       "TMPDIR": os.environ.get("TMPDIR", SCRATCH), "ASAN_OPTIONS": "max_allocation_size_mb=1024:" + os.environ.get("ASAN_OPTIONS", "")}
        arguments = []
        if KEEPS:
            arguments = [corpus, f"-max_total_time={seconds}", "-timeout=30", "-malloc_limit_mb=1024", "-rss_limit_mb=4096", "-max_len=65536"]
        done = subprocess.run([FUZZ, *arguments], env=environment, cwd=SCRATCH, capture_output=True, text=True, errors="replace")
        said = done.stdout.strip().splitlines()[-1:] or done.stderr.strip().splitlines()[-1:]
        print(f"{target}: {'ok' if done.returncode == 0 else 'FAILED'}: {' '.join(said)[:100]}", flush=True)
        if done.returncode != 0:
            failures.append(target)
            print(done.stderr[-6000:])
    return bool(failures)


sys.exit(main())
