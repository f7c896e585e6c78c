#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy 14 over core/, plugins/ and converters/: tidy.py BUILD_FOLDER [--all] [FILE...]

Fails on any finding. All checks of .clang-tidy take some 11 s of a processor for a file, half an hour for the repository on two
cores; the test therefore asks for CHEAP ones (3 s a file), and a person, with --all, for all, some of which are matters of taste. A file is not looked at again until it, a header of
ours that it reaches, its command, the checks or the tool change: BUILD_FOLDER/tidy remembers what was clean.

Files are read without the precompiled header, so that an include that it hides is found too."""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

CHEAP = ("-*,readability-function-size,performance-for-range-copy,performance-implicit-conversion-in-loop,performance-move-const-arg,"
         "performance-move-constructor-init,performance-noexcept-move-constructor,performance-type-promotion-in-math-fn,"
         "performance-unnecessary-copy-initialization,performance-unnecessary-value-param")
REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FOLDERS = tuple(os.path.join(REPOSITORY, name) + os.sep for name in ("core", "plugins", "converters"))
# What clang 14 cannot read: views of libstdc++ 12's <ranges>.
UNREADABLE = {"core/runtime/largest.cpp"}
# The compiler's own, and what makes warnings of clang itself count.
DROPPED = r" -fpch-preprocess| -Werror"


def clang_tidy():
    for name in ("clang-tidy-14", "clang-tidy"):
        tool = shutil.which(name)
        version = tool and subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
        if version and "version 14." in version:
            return tool, version
    sys.exit("clang-tidy 14 is needed (tests/packages.txt)")


def included(path):
    """Our headers that a file includes."""
    for name in re.findall(r'(?m)^#include "([^"]+)"', open(path, encoding="utf-8").read()):
        inside = name[len("mhub/"):] if name.startswith("mhub/") else name
        for folder in (os.path.join(REPOSITORY, "core"), REPOSITORY, os.path.dirname(path)):
            if os.path.isfile(os.path.join(folder, inside)):
                yield os.path.realpath(os.path.join(folder, inside))
                break


def reached(path):
    """The file and all headers of ours that it reaches, sorted."""
    seen, waiting = {path}, [path]
    while waiting:
        new = [header for header in included(waiting.pop()) if header not in seen]
        seen.update(new)
        waiting += new
    return sorted(seen)


def commands(database):
    """File: command, of what is ours; written to `database` for clang-tidy. From a build folder of its own: that of the test compiles
    several files at once."""
    plain, entries = os.path.join(database, "plain"), []
    configured = subprocess.run(["cmake", "-G", "Ninja", "-S", REPOSITORY, "-B", plain, "-DCMAKE_BUILD_TYPE=Release", "-DMHUB_BUILD_TESTS=OFF",
                                 "-DCMAKE_UNITY_BUILD=OFF", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON"], capture_output=True, text=True)
    if configured.returncode:
        sys.exit(configured.stdout + configured.stderr)
    for entry in json.load(open(os.path.join(plain, "compile_commands.json"))):
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(FOLDERS) and path.endswith(".cpp") and os.path.relpath(path, REPOSITORY) not in UNREADABLE:
            entries.append({**entry, "file": path, "command": re.sub(DROPPED, "", entry["command"])})
    os.makedirs(database, exist_ok=True)
    json.dump(entries, open(os.path.join(database, "compile_commands.json"), "w"))
    return {entry["file"]: entry["command"] for entry in entries}


def main():
    arguments = [word for word in sys.argv[1:] if word != "--all"]
    if not arguments:
        sys.exit(__doc__)
    build, wanted = os.path.realpath(arguments[0]), {os.path.realpath(name) for name in arguments[1:]}
    checks = [] if "--all" in sys.argv else ["--checks=" + CHEAP]
    tool, version = clang_tidy()
    database = os.path.join(build, "tidy")
    known = commands(database)
    rules = version + str(checks) + open(os.path.join(REPOSITORY, ".clang-tidy"), encoding="utf-8").read()

    def look(path):
        key = hashlib.sha256((rules + known[path]).encode())
        for file in reached(path):
            key.update(open(file, "rb").read())
        clean = os.path.join(database, key.hexdigest())
        if os.path.exists(clean):
            return path, None, 0
        run = subprocess.run([tool, "--quiet", "-p", database, "--warnings-as-errors=*", *checks, path], capture_output=True, text=True)
        if run.returncode == 0:
            open(clean, "w").close()
        return path, run.stdout + (run.stderr if "rror" in run.stderr else ""), run.returncode

    files = sorted(wanted & set(known) if wanted else known)
    failed = looked = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, output, status in pool.map(look, files):
            looked += output is not None
            if status:
                failed += 1
                print(f"{os.path.relpath(path, REPOSITORY)}:\n{output}", flush=True)
    print(f"clang-tidy: {len(files)} files, {looked} of them looked at, {failed} with findings")
    sys.exit(1 if failed or not files else 0)


main()
