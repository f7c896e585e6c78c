# SPDX-License-Identifier: Apache-2.0
"""Work is bounded by what is there: every command ends with small hostile inputs, and with the largest published configs, within
a time and a memory.  ceilings.py MHUB SCRATCH [NAMES]

Each input is under 1 MB; each run has 10 seconds of processor time and 1 GB, a check of a published config 20 seconds and 1 GB. What
it ends with is an exit code that README lists, with one line on stderr unless it is 0."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import inputs
import published

MHUB, SCRATCH, NAMES = sys.argv[1], sys.argv[2], sys.argv[3:]
MEMORY = 1 << 30
failures, runs, slowest, largest = [], 0, (0.0, ""), (0, "")


def limits(seconds):
    def apply():
        # A process that goes wrong must not take the machine with it.
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return apply


def run(name, arguments, seconds=10, codes=(0, 1, 2, 3)):
    global runs, slowest, largest
    runs += 1
    name = name + ": " + " ".join(arguments)[:100]
    with open(os.path.join(SCRATCH, "stderr"), "w+b") as stderr:
        process = subprocess.Popen([MHUB, *arguments], stdout=subprocess.DEVNULL, stderr=stderr, cwd=SCRATCH, preexec_fn=limits(seconds))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
    spent, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    slowest, largest = max(slowest, (spent, name)), max(largest, (memory, name))
    wrong = []
    if process.returncode not in codes:
        wrong.append(f"exit code {process.returncode}")
    elif process.returncode != 0 and not said.strip():
        wrong.append("nothing on stderr")
    if spent > seconds:
        wrong.append(f"{spent:.1f} s")
    if memory > MEMORY:
        wrong.append(f"{memory / 1e9:.2f} GB")
    if wrong:
        failures.append(name)
        print(f"FAIL {name}: {', '.join(wrong)}: {said.strip()[:300]}", flush=True)


def write(folder, files):
    """Makes the folder; the size of its files is part of what is promised."""
    path = os.path.join(SCRATCH, folder)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for name, content in files.items():
        assert len(content) < 1 << 20, f"{folder}/{name} has {len(content)} bytes"
        with open(os.path.join(path, name), "wb") as file:
            file.write(content)


def with_out(arguments, name):
    for out in ("OUT", "OUT.partial"):
        path = os.path.join(SCRATCH, out)
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)
    return [argument.replace("FOLDER", name) for argument in arguments]


def folders():
    for name, files, commands in inputs.folders():
        if wanted(name):
            write(name, files)
            for arguments in commands:
                run(name, with_out(arguments, name))


def texts():
    for name, file, text in inputs.texts():
        if wanted(name):
            write(name, {"tokenizer.json": file, "text": text.encode()})
            run(name, ["tokenize", name, "--file", f"{name}/text"])


def templates():
    for name, template in inputs.templates():
        if wanted("template_" + name):
            write(name, inputs.model(**{"chat_template.jinja": template.encode()}))
            run("template_" + name, ["generate", name, "--prompt", "a", "--chat", "--max-new-tokens", "1"])


def recipes():
    """As a recipe, and as the run_config.yaml of a Megatron checkpoint."""
    if not any(wanted("yaml_" + name) for name, _ in inputs.recipes()):
        return
    write("gpt2", inputs.model())
    for name, text in inputs.recipes():
        if wanted("yaml_" + name):
            write(name, {"recipe.yaml": text.encode()})
            run("yaml_" + name, ["run", f"{name}/recipe.yaml"])
            run("yaml_" + name, with_out(["convert", "gpt2", "OUT", "--to", "torch_dist", "--json"], ""), codes=(0,))
            config = next(os.path.join(at, "run_config.yaml") for at, _, files in os.walk(os.path.join(SCRATCH, "OUT")) if "common.pt" in files)
            with open(config, "a") as file:
                file.write("\n" + text)
            for arguments in (["inspect", "OUT"], ["convert", "OUT", "BACK", "--to", "hf", "--dry-run"]):
                run("yaml_" + name, arguments)


def largest_configs():
    for config in published.CONFIGS:
        name = "published_" + config["model_type"]
        if wanted(name):
            write(name, {"config.json": json.dumps(config).encode()})
            run(name, ["plugins", "--check", config["architectures"][0], f"{name}/config.json"], seconds=20, codes=(0,))


def signals():
    """SIGTERM ends what does not ask for it, too."""
    if not wanted("sigterm"):
        return
    write("sigterm", inputs.model({**inputs.GPT2, "n_layer": 10900}))
    with subprocess.Popen([MHUB, "plugins", "--check", "gpt2", "sigterm/config.json"], stdout=subprocess.DEVNULL, cwd=SCRATCH) as process:
        time.sleep(0.5)
        process.terminate()
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = "still running after 60 s"
    if code not in (0, 130, -15):
        failures.append("sigterm")
        print(f"FAIL sigterm: {code}")


def wanted(name):
    return not NAMES or any(part in name for part in NAMES)


os.makedirs(SCRATCH, exist_ok=True)
for part in (folders, texts, templates, recipes, largest_configs, signals):
    part()
print(f"{runs} runs, {len(failures)} beyond their ceiling; slowest {slowest[0]:.1f} s ({slowest[1]}), "
      f"largest {largest[0] / 1e6:.0f} MB ({largest[1]})")
sys.exit(bool(failures) or runs == 0)
