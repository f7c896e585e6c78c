# SPDX-License-Identifier: Apache-2.0
"""convert --no-cache of a model on a Hub on this machine against its download alone: python no_cache_vs_download.py MHUB SCRATCH [RUNS]

A 2.5 GB Llama in bfloat16. Their turns alternate; conversions write to the same disk, and flush, which a download does not."""

import os
import pathlib
import shutil
import subprocess
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))
import download_vs_curl
import llama_folder


def main():
    mhub, scratch = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    llama_folder.make(scratch / "llama", tied=True, **llama_folder.LLAMA_1B)
    commands = {"download": ["download", "org/name"], "--no-cache, TP 1": ["convert", "org/name", scratch / "out", "--no-cache"], "--no-cache, TP 8": ["convert", "org/name", scratch / "out", "--no-cache", "--tp", "8"]}
    with download_vs_curl.served(scratch, {path.name: str(path) for path in (scratch / "llama").iterdir()}) as environment:
        times = {name: [] for name in commands}
        for _ in range(runs):
            for name, arguments in commands.items():
                for place in ("home", "out"):
                    shutil.rmtree(scratch / place, ignore_errors=True)
                os.sync()
                began = time.time()
                subprocess.run([mhub, *arguments], env=environment, check=True, capture_output=True)
                times[name].append(time.time() - began)
                print(f"{name} {times[name][-1]:.2f} s", flush=True)
    for name in list(times)[1:]:
        ratios = [ours / alone for ours, alone in zip(times[name], times["download"])]
        print(f"{name}: {statistics.median(ratios):.2f} of the time of a download ({min(ratios):.2f} to {max(ratios):.2f})")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
