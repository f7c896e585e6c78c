# SPDX-License-Identifier: Apache-2.0
"""Conversions on file systems that share blocks:  reflink_check.py MHUB FAULTY SCRATCH

FAULTY is the library of faulty.cpp. On a loop-mounted XFS and Btrfs, conversions in every direction share what lies whole in both files,
and their outputs are byte for byte those that the folder SCRATCH gives, whose file system shares nothing. Where the call that shares fails,
whatever the reason, bytes are copied; a killed conversion goes on. Needs root, mkfs.xfs and loop devices; else exit code 77: skipped."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import llama_folder

MHUB, FAULTY, SCRATCH = sys.argv[1:]
SKIPPED = 77
# 255 MB: heads that are interleaved in pieces of 512 KiB and more; norms of one block, so that tensors in another order lie alike.
SHAPE = dict(hidden=2048, layers=2, ffn=5632, vocab=8192, heads=16, groups=8)
# Options, those of the conversion that makes the source, the least share of the bytes that is shared.
DIRECTIONS = {
    "torch_dist": (["--tp", "1"], None, 0.95),
    "torch": (["--to", "torch"], None, 0.95),
    "torch_dist TP 2": (["--tp", "2"], None, 0.5),
    "back from torch_dist": (["--to", "hf"], ["--tp", "1"], 0.95),
    "back from torch": (["--to", "hf"], ["--to", "torch"], 0.95),
    "torch to torch_dist": (["--tp", "1"], ["--to", "torch"], 0.95),
    "hdf5": (["--to", "hdf5"], None, 0.0),
    "cast": (["--dtype", "fp32"], None, 0.0),
}
failures = []


def check(good, what):
    print(("ok      " if good else "FAILED  ") + what, flush=True)
    if not good:
        failures.append(what)


def convert(*arguments, **fault):
    environment = {**os.environ, **({"LD_PRELOAD": FAULTY} if fault else {})}
    environment.update({"FAULT_" + key.upper(): str(value) for key, value in fault.items()})
    run = subprocess.run([MHUB, "convert", *arguments, "--json"], env=environment, capture_output=True, text=True, timeout=600)
    return json.loads(run.stdout) if run.returncode == 0 else run.returncode


def remove(path):
    shutil.rmtree(path, ignore_errors=True) if not os.path.isfile(path) else os.remove(path)


def digests(path):
    """What the files of an output hold; a manifest names its source, and where it lies."""
    files = [path] if os.path.isfile(path) else [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return {os.path.relpath(file, path): hashlib.sha256(open(file, "rb").read()).hexdigest() for file in files if "manifest" not in file}


def free(path):
    subprocess.run(["sync", "-f", path], check=True)
    info = os.statvfs(path)
    return info.f_bavail * info.f_frsize


def check_direction(place, name):
    options, first, least = DIRECTIONS[name]
    sources, outputs = [], []
    for root in (place, SCRATCH):
        source, out = os.path.join(root, "llama"), os.path.join(root, "out")
        remove(out)
        if first is not None:
            remove(os.path.join(root, "made"))
            convert(source, os.path.join(root, "made"), *first)
            source = os.path.join(root, "made")
        sources.append(source)
        outputs.append(out)
    before = free(place)
    report = convert(sources[0], outputs[0], *options)
    taken, size = before - free(place), report["bytes"]
    shared = report["shared_bytes"] / size
    check(shared >= least and (least > 0 or shared == 0), f"{name}: {shared:.3f} of the bytes shared")
    check(taken <= 1.05 * (size - report["shared_bytes"]) + (8 << 20), f"{name}: takes {taken >> 20} MiB of {size >> 20}")
    check(subprocess.run([MHUB, "verify", outputs[0]], stdout=subprocess.DEVNULL).returncode == 0, f"{name}: as its manifest says")
    plain = convert(sources[1], outputs[1], *options)
    check(plain["shared_bytes"] == 0 and digests(outputs[0]) == digests(outputs[1]), f"{name}: the same bytes without sharing")


def check_faults(place):
    source, out = os.path.join(place, "llama"), os.path.join(place, "out")
    remove(out)
    convert(source, out, "--tp", "1")
    whole = digests(out)
    for error in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.EIO, errno.ENOSPC):
        remove(out)
        report = convert(source, out, "--tp", "1", share_errno=error)
        check(report["shared_bytes"] == 0 and digests(out) == whole, f"{errno.errorcode[error]}: copied instead")
    count = os.path.join(SCRATCH, "calls")
    remove(out)
    convert(source, out, "--tp", "1", "--jobs", "1", under=place, count=count)
    calls = int(open(count).read())
    for at in range(calls // 4, calls, calls // 6):
        remove(out)
        killed = convert(source, out, "--tp", "1", "--jobs", "1", under=place, kind="kill", at=at)
        report = convert(source, out, "--tp", "1", "--resume")
        check(killed == -9 and report["shared_bytes"] > 0 and digests(out) == whole, f"killed at call {at} of {calls}, and goes on")


def check_on(kind, make):
    image, place = os.path.join(SCRATCH, kind + ".img"), os.path.join(SCRATCH, kind)
    remove(image)
    os.makedirs(place, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(3 << 30)
    subprocess.run([*make, image], check=True, stdout=subprocess.DEVNULL)
    if subprocess.run(["mount", "-o", "loop", image, place]).returncode != 0:
        return False
    try:
        print(f"on {kind}:")
        shutil.copytree(os.path.join(SCRATCH, "llama"), os.path.join(place, "llama"))
        for name in DIRECTIONS:
            check_direction(place, name)
        check_faults(place)
    finally:
        subprocess.run(["umount", place], check=True)
        remove(image)
    return True


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    kinds = {"xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"], "btrfs": ["mkfs.btrfs", "-q"]}
    kinds = {kind: make for kind, make in kinds.items() if shutil.which(make[0])}
    if os.geteuid() != 0 or not kinds:
        print("skipped: needs root, and mkfs.xfs or mkfs.btrfs")
        return SKIPPED
    llama_folder.make(os.path.join(SCRATCH, "llama"), tied=False, **SHAPE)
    done = [kind for kind, make in kinds.items() if check_on(kind, make)]
    if not done:
        print("skipped: nothing can be mounted here")
        return SKIPPED
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
