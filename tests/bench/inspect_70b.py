# SPDX-License-Identifier: Apache-2.0
"""`mhub inspect` of a 70B-shaped checkpoint (30 sparse shards, 723 tensors): python inspect_70b.py MHUB SCRATCH [RUNS].

Prints the time of each run, against starting the same binary for --version, and how many bytes were read."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import llama_folder


def milliseconds(command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.monotonic() - start)


def bytes_read(command):
    """From strace, where it is installed."""
    if shutil.which("strace") is None:
        return None
    run = subprocess.run(["strace", "-f", "-e", "trace=pread64", *command], capture_output=True, text=True)
    return sum(int(n) for n in re.findall(r"pread64\(.* = (\d+)$", run.stderr, re.M))


def main():
    mhub, scratch = sys.argv[1], sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    folder = os.path.join(scratch, "llama-70b")
    if not os.path.exists(os.path.join(folder, "config.json")):
        shutil.rmtree(folder, ignore_errors=True)
        llama_folder.make(folder, shards=30, fill=False, **llama_folder.LLAMA_70B)
    milliseconds([mhub, "inspect", folder])
    times = [milliseconds([mhub, "inspect", folder]) for _ in range(runs)]
    start = statistics.median(milliseconds([mhub, "--version"]) for _ in range(runs))
    print(f"inspect 70B: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms of {runs}; starting mhub alone: {start:.1f} ms")
    read = bytes_read([mhub, "inspect", folder])
    print(f"bytes read through pread: {'unknown (no strace)' if read is None else read}")


if __name__ == "__main__":
    main()
