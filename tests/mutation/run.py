#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a wrong line fail the C++ tests?  run.py [--check] [--only TEXT] [--build FOLDER] [--cmake OPTION]... [--jobs N]

Builds a copy of the tree in FOLDER, puts one mistake of mutations.toml after another into it, and runs the C++ tests until one fails.
Prints a line per mutation, and exits 1 when a mutation survives. --check only looks whether every mistake still has its place."""

import argparse
import os
import shutil
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def mutations():
    with open(os.path.join(HERE, "mutations.toml"), "rb") as file:
        return tomllib.load(file)["mutation"]


def edits(mutation):
    return [mutation, *mutation.get("also", [])]


def misplaced(mutation):
    """Why a mutation cannot be made; None if it can."""
    for edit in edits(mutation):
        path = os.path.join(ROOT, edit["file"])
        if not os.path.exists(path):
            return f"{edit['file']} does not exist"
        count = open(path).read().count(edit["find"])
        if count != 1:
            return f"{edit['file']} has {edit['find'].strip()!r} {count} times"
    return None


def copy_tree(target):
    """The tree as it is, without what git ignores; files that are the same stay untouched, so that a build goes on."""
    listed = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    wanted = {name for name in listed.decode().split("\0") if name and os.path.isfile(os.path.join(ROOT, name))}
    for name in wanted:
        source, copy = os.path.join(ROOT, name), os.path.join(target, name)
        content = open(source, "rb").read()
        if not os.path.exists(copy) or open(copy, "rb").read() != content:
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(source, copy)
    for folder, folders, files in os.walk(target):
        if folder == target and "build" in folders:
            folders.remove("build")
        for name in files:
            if os.path.relpath(os.path.join(folder, name), target) not in wanted:
                os.remove(os.path.join(folder, name))


class Tree:
    """A copy of the tree, built in its folder build/ as a developer's own tree is: a compiler cache knows its objects."""

    def __init__(self, folder, options, jobs):
        self.source, self.build, self.jobs = folder, os.path.join(folder, "build"), jobs
        os.makedirs(self.source, exist_ok=True)
        copy_tree(self.source)
        # Tests link the library dynamically: they need not be linked again for each mutation.
        command = ["cmake", "-G", "Ninja", "-S", self.source, "-B", self.build, "-DMHUB_BUILD_TESTS=ON", "-DMHUB_CUDNN=OFF",
                   "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def compile(self):
        """The compiler's complaint; None for none."""
        done = subprocess.run(["cmake", "--build", self.build, "--parallel", str(self.jobs)], capture_output=True, text=True)
        return None if done.returncode == 0 else done.stdout[-2000:] + done.stderr[-500:]

    def failing(self, first):
        """The first test that fails; None if none does. Those in `first` run before the others."""
        passes = [["-R", f"^unit\\.({'|'.join(first)})$"], ["-R", "^unit\\.", "-E", f"^unit\\.({'|'.join(first)})$"]] if first else [["-R", "^unit\\."]]
        for chosen in passes:
            command = ["ctest", "--test-dir", self.build, "--no-tests=error", "--label-exclude", "python", "--stop-on-failure", "--timeout", "900",
                       "--output-on-failure", "--parallel", str(self.jobs), *chosen]
            done = subprocess.run(command, capture_output=True, text=True)
            self.said = done.stdout
            if done.returncode != 0:
                lines = [line for line in done.stdout.splitlines() if "unit." in line and ("***" in line or "(Failed)" in line)]
                return lines[0].split("unit.")[1].split()[0] if lines else "ctest: " + done.stdout[-300:]
        return None

    def mutate(self, mutation):
        """("killed", test), ("survived", ""), or ("not built", complaint)"""
        paths = {os.path.join(self.source, edit["file"]) for edit in edits(mutation)}
        originals = {path: open(path).read() for path in paths}
        try:
            for edit in edits(mutation):
                path = os.path.join(self.source, edit["file"])
                changed = open(path).read().replace(edit["find"], edit["replace"])
                with open(path, "w") as file:
                    file.write(changed)
            complaint = self.compile()
            if complaint:
                return "not built", complaint
            test = self.failing(mutation.get("first", ["golden"]))
            return ("killed", test) if test else ("survived", "")
        finally:
            for path, content in originals.items():
                with open(path, "w") as file:
                    file.write(content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "mutation"))
    parser.add_argument("--cmake", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    chosen = [one for one in mutations() if arguments.only in one["name"]]
    lost = [f"{one['name']}: {problem}" for one in chosen if (problem := misplaced(one))]
    for problem in lost:
        print("MISPLACED " + problem)
    if lost or arguments.check:
        print(f"{len(chosen)} mutations, {len(lost)} misplaced")
        sys.exit(1 if lost else 0)
    tree = Tree(os.path.abspath(arguments.build), arguments.cmake, arguments.jobs)
    complaint = tree.compile()
    test = None if complaint else tree.failing([])
    if complaint or test:
        sys.exit(f"the tree itself does not pass: {complaint or test + chr(10) + tree.said[-4000:]}")
    counts = {"killed": 0, "survived": 0, "not built": 0}
    for one in chosen:
        start = time.time()
        result, detail = tree.mutate(one)
        counts[result] += 1
        print(f"{result:9} | {one['name']:64} | {detail[-600:] if result == 'not built' else detail:20} | {time.time() - start:.0f} s", flush=True)
    print(f"{len(chosen)} mutations: " + ", ".join(f"{count} {result}" for result, count in counts.items()))
    sys.exit(0 if counts["killed"] == len(chosen) else 1)


if __name__ == "__main__":
    main()
