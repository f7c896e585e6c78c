# SPDX-License-Identifier: Apache-2.0
"""A judge that does not run fails the run, unless absent_judges.json names it for this place, with the reason."""

import importlib.metadata
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def core_version():
    return tuple(int(part) for part in importlib.metadata.version("megatron-core").split(".")[:2])


WHERE = {
    "everywhere": lambda: True,
    "Python other than 3.12": lambda: sys.version_info[:2] != (3, 12),
    "megatron-core before 0.19": lambda: core_version() < (0, 19),
}


def named():
    """{judge: reason} of those that need not run here."""
    entries = json.load(open(os.path.join(HERE, "absent_judges.json")))
    return {entry["judge"]: entry["why"] for entry in entries if WHERE[entry["where"]]()}


def unexcused(judges):
    """Prints each (judge, what it would have judged) that did not run; returns a failure for each that has no excuse."""
    excuses, failures = named(), []
    for judge, what in judges:
        if judge in excuses:
            print(f"not run: {judge}: {what}: {excuses[judge]}", flush=True)
        else:
            failures.append(f"{judge} did not run: {what}; absent_judges.json does not excuse it here")
    return failures
