# SPDX-License-Identifier: Apache-2.0
"""What tests make once and keep in the user's cache folder, beside their venv."""

import fcntl
import os
import pathlib
import shutil
import sys


def kept(name, make):
    """The folder of that name and of this Python's version; `make(folder)` fills it when it is first asked for, while others wait."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "mhub"
    place = cache / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            make(place)
            (place / "complete").touch()
    return place
