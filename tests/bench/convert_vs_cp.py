# SPDX-License-Identifier: Apache-2.0
"""Conversion of a 2.5 GB Llama against `cp -r` of the same folder, in turn: python convert_vs_cp.py MHUB SCRATCH [RUNS].

Prints wall times, their ratio and mhub's peak memory. The source is read once before, so that both find it in the page
cache."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

import llama_folder


def timed(command):
    os.sync()
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def main():
    mhub, scratch = sys.argv[1], sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    source, copy, out = (os.path.join(scratch, name) for name in ("llama-1b", "copy", "out"))
    if not os.path.exists(os.path.join(source, "config.json")):
        shutil.rmtree(source, ignore_errors=True)
        llama_folder.make(source, tied=True, **llama_folder.LLAMA_1B)
    timed(["cat", os.path.join(source, "model.safetensors")])
    for options in (["--tp", "1"], ["--tp", "8"], ["--to", "torch", "--tp", "2"]):
        ratios = []
        for _ in range(runs):
            shutil.rmtree(copy, ignore_errors=True)
            cp = timed(["cp", "-r", source, copy])
            shutil.rmtree(copy)
            shutil.rmtree(out, ignore_errors=True)
            ours = timed([mhub, "convert", source, out, *options])
            ratios.append(ours / cp)
            print(f"convert {' '.join(options)}: {ours:.2f} s, cp -r: {cp:.2f} s, ratio {ours / cp:.2f}")
        print(f"convert {' '.join(options)}: median ratio {statistics.median(ratios):.2f} over {runs} runs")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"peak memory of any command: {peak:.0f} MB")
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
