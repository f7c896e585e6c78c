# SPDX-License-Identifier: Apache-2.0
"""Each file-system call of small conversions goes wrong in turn:  faults.py MHUB FAULTY SCRATCH [--all] [NAMES]

FAULTY is the library of faulty.cpp. A call fails (EIO), moves half of its bytes, is the last before a kill, or finds the source cut off.
Afterwards the source is as it was, under the output's name is nothing, what was there before, or the whole new output, the exit code is
right, and `mhub convert --resume` ends with the same bytes as a run that nothing disturbed. A sample of the calls; --all takes each."""

import collections
import errno
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ceilings"))
import inputs

ALL = "--all" in sys.argv
MHUB, FAULTY, SCRATCH, *NAMES = [argument for argument in sys.argv[1:] if argument != "--all"]
assert os.path.isfile(FAULTY), FAULTY
SAMPLE = 12
OTHER = {**inputs.GPT2, "vocab_size": 22}
failures, runs, positions = [], 0, 0
ended = collections.Counter()  # kind and exit code


def path(*names):
    return os.path.join(SCRATCH, *names)


def mhub(*arguments, **fault):
    global runs
    runs += 1
    environment = {**os.environ, **({"LD_PRELOAD": FAULTY, "FAULT_UNDER": SCRATCH} if fault else {})}
    environment.update({"FAULT_" + key.upper(): str(value) for key, value in fault.items()})
    return subprocess.run([MHUB, *arguments], env=environment, capture_output=True, text=True, timeout=120)


def digest(name):
    """What a file or folder holds; None where there is nothing."""
    if not os.path.lexists(path(name)):
        return None
    sum = hashlib.sha256()
    for folder, folders, files in os.walk(path(name)):
        folders.sort()
        for file in sorted(files):
            full = os.path.join(folder, file)
            sum.update(os.path.relpath(full, path(name)).encode() + b"\0" + open(full, "rb").read())
    if os.path.isfile(path(name)):
        sum.update(open(path(name), "rb").read())
    return sum.hexdigest()


def remove(name):
    shutil.rmtree(path(name)) if os.path.isdir(path(name)) else os.path.lexists(path(name)) and os.remove(path(name))


def clear():
    for name in os.listdir(SCRATCH):
        if name.startswith("out") or name.startswith(".out") or name == "source":
            remove(name)


def put(name, kept):
    shutil.copytree(path(kept), path(name)) if os.path.isdir(path(kept)) else shutil.copy(path(kept), path(name))


def write(name, files):
    os.makedirs(path(name))
    for file, content in files.items():
        with open(path(name, file), "wb") as out:
            out.write(content)


class Scenario:
    def __init__(self, name, source, options, old=None):
        self.name, self.source, self.old = name, source, old
        self.arguments = ["convert", path("source"), path("out"), "--jobs", "1", *options]

    def prepare(self):
        clear()
        put("source", self.source)
        if self.old:
            put("out", self.old)

    def run(self):
        self.prepare()
        before, there = digest("source"), digest("out")
        done = mhub(*self.arguments, count=path("count"))
        assert done.returncode == 0, f"{self.name}: {done.stderr}"
        whole, total = digest("out"), int(open(path("count")).read())
        print(f"{self.name}: {total} calls", flush=True)
        for kind in ("error", "short", "kill", "cut"):
            # A single call's error is easily overlooked, so one conversion each way has all of them always.
            each = ALL or kind == "error" and self.name in ("hf to torch_dist", "torch_dist to hf")
            for at in range(1, total + 1, 1 if each else max(1, total // SAMPLE)):
                self.prepare()
                self.disturb(kind, at, before, there, whole)

    def disturb(self, kind, at, before, there, whole):
        global positions
        positions += 1
        weights = [os.path.join(folder, file) for folder, _, files in os.walk(path("source")) for file in files
                   if file.endswith((".safetensors", ".distcp", "model_optim_rng.pt", ".h5"))]
        if not weights:
            weights = [path("source")]
        done = mhub(*self.arguments, at=at, kind=kind, errno=errno.EIO, cut=weights[0])
        ended[f"{kind} {done.returncode}"] += 1
        now, problem = digest("out"), None
        if kind != "cut" and digest("source") != before:
            problem = "the source was changed"
        elif now not in (there, whole):
            problem = "what has the output's name is neither the old nor the new"
        elif not self.is_right(kind, done.returncode, now == whole):
            problem = f"exit code {done.returncode}"
        elif done.returncode not in (0, -9) and len(done.stderr.strip().splitlines()) == 0:
            problem = "nothing was said"
        elif kind != "cut" and now != whole:
            again = mhub(*self.arguments, "--resume")
            if again.returncode != 0 or digest("out") != whole:
                problem = f"--resume ended with {again.returncode}: {again.stderr.strip()[:200]}"
            elif left := [name for name in os.listdir(SCRATCH) if name.startswith((".out", "out")) and name != "out"]:
                problem = f"left behind: {left}"
        if problem:
            failures.append(self.name)
            print(f"FAIL {self.name}, {kind} at {at}: {problem}; {done.stderr.strip()[:300]}", flush=True)

    @staticmethod
    def is_right(kind, code, is_whole):
        if kind == "kill":
            return code == -9
        # A file that is cut off between two looks at it is damaged (3) or failed to be read (4).
        return code == 0 and is_whole or code in ((3, 4) if kind == "cut" else (4,))


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    write("hf", inputs.model())
    write("other", inputs.model(OTHER, {**inputs.GPT2_TENSORS, "wte.weight": [22, 8]}))
    made = {"torch_dist": ["--to", "torch_dist"], "torch": ["--to", "torch", "--tp", "2"], "hdf5": ["--to", "hdf5"]}
    scenarios = []
    for format, options in made.items():
        for source in ("hf", "other"):
            done = mhub("convert", path(source), path(f"{source}_{format}"), *options)
            assert done.returncode == 0, done.stderr
        scenarios += [Scenario(f"hf to {format}", "hf", options), Scenario(f"{format} to hf", f"hf_{format}", ["--to", "hf"]),
                      Scenario(f"{format} over another", "hf", [*options, "--overwrite"], f"other_{format}")]
    scenarios.append(Scenario("hf to torch_dist, verified", "hf", [*made["torch_dist"], "--verify"]))
    for scenario in scenarios:
        if not NAMES or any(name in scenario.name for name in NAMES):
            scenario.run()
    print("kind and exit code:", ", ".join(f"{key}: {count}" for key, count in sorted(ended.items())))
    print(f"{positions} faults, {runs} runs, {len(failures)} failures")
    return bool(failures) or positions == 0


sys.exit(main())
