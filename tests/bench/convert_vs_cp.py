# SPDX-License-Identifier: Apache-2.0
"""Conversions of a 2.5 GB Llama in every direction against copies of the same source: python convert_vs_cp.py MHUB SCRATCH [RUNS] [--cold] [--touch] [--before OTHER_MHUB] [WORD]...

Each run takes `cp -r`, the same with `sync -f` behind it, and mhub, which flushes what it writes, in another order each time and each behind the
removal of what the one before wrote: what memory a command gets, and who had it before, changes its time more than its work does, also on a
tmpfs. With --touch, the memory that it will fill is at hand, which takes minutes and gives even times (touch_memory). Copies never share blocks with their
source (--reflink=never); what mhub shares on a file system that can is in the last column. With --before OTHER_MHUB, an older build takes
its turn as well. Prints a table: medians, with the smallest and the
largest, of seconds, which other work on the machine changes, and of processor time, which it changes little. With --cold, the source is dropped from the page cache before each command. WORDs choose directions that contain one of them. What
SCRATCH lies on (a disk, /dev/shm, a loop-mounted XFS) decides what is measured."""

import argparse
import itertools
import json
import mmap
import os
import resource
import shutil
import statistics
import subprocess
import time

import llama_folder

# Name, options of the conversion that makes the source (none: Hugging Face's folder itself), options.
DIRECTIONS = [
    ("hf to torch_dist, TP 1", None, ["--tp", "1"]),
    ("hf to torch_dist, TP 8", None, ["--tp", "8"]),
    ("hf to torch, TP 1", None, ["--to", "torch"]),
    ("hf to torch, TP 2", None, ["--to", "torch", "--tp", "2"]),
    ("hf to hdf5", None, ["--to", "hdf5"]),
    ("torch_dist TP 1 to hf", ["--tp", "1"], ["--to", "hf"]),
    ("torch_dist TP 8 to hf", ["--tp", "8"], ["--to", "hf"]),
    ("torch TP 2 to hf", ["--to", "torch", "--tp", "2"], ["--to", "hf"]),
    ("hdf5 to hf", ["--to", "hdf5"], ["--to", "hf"]),
    ("torch_dist TP 1 to TP 4", ["--tp", "1"], ["--tp", "4"]),
    ("torch TP 2 to torch_dist TP 1", ["--to", "torch", "--tp", "2"], ["--tp", "1"]),
]


def files_of(path):
    if os.path.isfile(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def prepare(source, cold):
    """Nothing is left to be flushed there, and the source is in the page cache, or is not."""
    subprocess.run(["sync", "-f", source], check=True)
    for path in files_of(source):
        with open(path, "rb") as file:
            if cold:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while file.read(1 << 24):
                    pass


def touch_memory(size):
    """Has the machine own so much free memory. A virtual one gives free memory back to its host after two seconds (free page reporting), and
    what it takes anew costs up to nine times as much as what it has: whoever came behind a pause was slow."""
    with mmap.mmap(-1, size) as memory:
        memory[::mmap.PAGESIZE] = bytes(len(range(0, size, mmap.PAGESIZE)))


def removed(path):
    if os.path.isfile(path):
        os.remove(path)
    else:
        shutil.rmtree(path, ignore_errors=True)


def timed(command, source, targets, cold, touch):
    """Seconds, processor time and output."""
    for target in targets:
        removed(target)
    prepare(source, cold)
    if touch:
        touch_memory(sum(map(os.path.getsize, files_of(source))) * 9 // 8)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    run = subprocess.run(command, check=True, capture_output=True, text=True, shell=isinstance(command, str))
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, run.stdout


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def measured(mhub, source, options, scratch, runs, cold, touch, before):
    """Columns of values, one for each run, and the share of bytes that the outputs have in common with the source."""
    copy, out = os.path.join(scratch, "copy"), os.path.join(scratch, "out")
    commands = {
        "copied": ["cp", "-r", "--reflink=never", source, copy],
        "synced": f"cp -r --reflink=never '{source}' '{copy}' && sync -f '{copy}'",
        "converted": [mhub, "convert", source, out, "--json", *options],
    }
    if before:
        commands["before"] = [before, "convert", source, out, *options]
    columns, shared = [[] for _ in range(6 if before else 4)], 0.0
    orders = list(itertools.permutations(commands))
    for run in range(runs):
        order = orders[run * (len(orders) // 6) % len(orders)]
        took = {name: timed(commands[name], source, (copy, out), cold, touch) for name in order}
        seconds, used, text = took["converted"]
        report = json.loads(text)
        shared = report.get("shared_bytes", 0) / report["bytes"]
        values = [seconds, seconds / took["copied"][0], seconds / took["synced"][0], used / took["copied"][1]]
        if before:
            values += [seconds / took["before"][0], used / took["before"][1]]
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    removed(copy)
    removed(out)
    return columns, shared


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mhub")
    parser.add_argument("scratch")
    parser.add_argument("runs", type=int, nargs="?", default=7)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--touch", action="store_true")
    parser.add_argument("--before", metavar="OTHER_MHUB")
    arguments = parser.parse_intermixed_args()
    scratch, mhub = arguments.scratch, arguments.mhub
    model, made = os.path.join(scratch, "llama-1b"), os.path.join(scratch, "made")
    if not os.path.exists(os.path.join(model, "config.json")):
        shutil.rmtree(model, ignore_errors=True)
        llama_folder.make(model, tied=True, **llama_folder.LLAMA_1B)
    print(f"{arguments.runs} runs, {'cold' if arguments.cold else 'warm'}, load {os.getloadavg()[0]:.1f}")
    heads = ["direction", "seconds", "over `cp -r`", "over `cp -r && sync -f`", "processor time over `cp -r`"]
    heads += ["seconds over before", "processor time over before"] if arguments.before else []
    print(f"| {' | '.join(heads)} | shared |\n|{'---|' * (len(heads) + 1)}")
    for name, first, options in DIRECTIONS:
        if arguments.words and not any(word in name for word in arguments.words):
            continue
        source = model
        if first is not None:
            removed(made)
            subprocess.run([mhub, "convert", model, made, *first], check=True, stdout=subprocess.DEVNULL)
            source = made
        columns, shared = measured(mhub, source, options, scratch, arguments.runs, arguments.cold, arguments.touch, arguments.before)
        print(f"| {name} | {' | '.join(map(spread, columns))} | {100 * shared:.0f} % |", flush=True)
    removed(made)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of any command: {peak:.0f} MiB; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
