# SPDX-License-Identifier: Apache-2.0
"""convert of a model's name, which is not in the cache, against its download alone, and against one after the other:
python convert_vs_download.py MHUB SCRATCH [RUNS] [MEGABYTES_PER_SECOND]

A 2.5 GB Llama in bfloat16; turns alternate. The network of this machine is as fast as the server; a limit (of all eight connections together) makes it
one that is waited for. In SCRATCH lies all that is written: on a tmpfs, the disk counts for nothing."""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))
import download_vs_curl
import llama_folder

CONNECTIONS = 8


def main():
    mhub, scratch = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    limit = float(sys.argv[4]) * 1e6 if len(sys.argv) > 4 else 0
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    llama_folder.make(scratch / "llama", tied=True, **llama_folder.LLAMA_1B)
    download, convert = ["download", "org/name"], ["convert", "org/name", scratch / "out", "--tp", "8"]
    ways = {"download": [download], "convert": [convert], "download, then convert": [download, convert]}
    with download_vs_curl.served(scratch, {path.name: str(path) for path in (scratch / "llama").iterdir()}, limit / CONNECTIONS) as environment:
        times = {name: [] for name in ways}
        for _ in range(runs):
            for name, commands in ways.items():
                for place in ("home", "out"):
                    shutil.rmtree(scratch / place, ignore_errors=True)
                os.sync()
                began = time.time()
                for arguments in commands:
                    subprocess.run([mhub, *arguments], env=environment, check=True, capture_output=True)
                times[name].append(time.time() - began)
                print(f"{name} {times[name][-1]:.2f} s", flush=True)
    for name, took in times.items():
        ratios = [ours / alone for ours, alone in zip(took, times["download"])]
        print(f"{name}: {statistics.median(took):.2f} s ({min(took):.2f} to {max(took):.2f}), {statistics.median(ratios):.2f} of the time of a download ({min(ratios):.2f} to {max(ratios):.2f})")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
