# SPDX-License-Identifier: Apache-2.0
"""`mhub inspect` and `convert --dry-run` of a DeepSeek-V3-shaped checkpoint (90,427 tensors, FP8, sparse files): python plan_deepseek.py MHUB SCRATCH
[RUNS]. Prints, for each, the processor time of all threads, which other work on the machine changes little, and the peak memory: medians of RUNS."""

import os
import statistics
import subprocess
import sys

import deepseek_folder

LAYOUTS = [
    "--tp 8 --ep 8", "--to torch --tp 8 --ep 8", "--to torch --tp 8 --ep 8 --etp 1",
    "--to torch --tp 8 --ep 8 --pp 16 --pp-layout Et*4|(t*4|)*14,tmL", "--to hdf5", "--to hf", "--to null",
]


def usage(command):
    """Seconds of processor time, MB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main():
    mhub, scratch = sys.argv[1], sys.argv[2]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    folder = os.path.join(scratch, "deepseek-v3")
    if not os.path.exists(os.path.join(folder, "config.json")):
        os.makedirs(scratch, exist_ok=True)
        deepseek_folder.make(folder)
    for name, command in [("inspect", ["inspect", folder])] + [
        (f"dry run {layout}", ["convert", folder, os.path.join(scratch, "out"), "--dry-run", *layout.split()]) for layout in LAYOUTS
    ]:
        used = [usage([mhub, *command]) for _ in range(runs)]
        seconds, memory = [one[0] for one in used], [one[1] for one in used]
        print(f"{name}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), {statistics.median(memory):.0f} MB")


if __name__ == "__main__":
    main()
