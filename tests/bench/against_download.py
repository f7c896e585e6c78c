# SPDX-License-Identifier: Apache-2.0
"""What is compared with a download alone: a 2.5 GB Llama in bfloat16 on a Hub on this machine, in turns."""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import download_vs_curl
import llama_folder

DOWNLOAD = ["download", "org/name"]


def arguments():
    """MHUB, SCRATCH and what follows them."""
    return os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute(), sys.argv[3:]


def race(mhub, scratch, runs, ways, pace=0):
    """`ways`: by name, the commands that follow each other, which write to scratch / "out". Prints how long each takes against a download of the same
    turn. `pace`: bytes a second that a connection has at most."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    llama_folder.make(scratch / "llama", tied=True, **llama_folder.LLAMA_1B)
    times = {name: [] for name in ["download", *ways]}
    with download_vs_curl.served(scratch, {path.name: str(path) for path in (scratch / "llama").iterdir()}, pace) as environment:
        for _ in range(runs):
            for name, commands in {"download": [DOWNLOAD], **ways}.items():
                for place in ("home", "out"):
                    shutil.rmtree(scratch / place, ignore_errors=True)
                os.sync()
                began = time.time()
                for command in commands:
                    subprocess.run([mhub, *command], env=environment, check=True, capture_output=True)
                times[name].append(time.time() - began)
                print(f"{name} {times[name][-1]:.2f} s", flush=True)
    for name, took in times.items():
        ratios = [ours / alone for ours, alone in zip(took, times["download"])]
        print(f"{name}: {statistics.median(took):.2f} s ({min(took):.2f} to {max(took):.2f}), {statistics.median(ratios):.2f} of the time of a download ({min(ratios):.2f} to {max(ratios):.2f})")
    shutil.rmtree(scratch)
