# SPDX-License-Identifier: Apache-2.0
"""The newest packages (requirements_newest.txt) in place of those that Megatron-Bridge pins: `import newest` first, and the script runs anew."""

import hashlib
import os
import pathlib
import subprocess
import sys

from kept import kept

REQUIREMENTS = pathlib.Path(__file__).parent / "requirements_newest.txt"


def install(place):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", place, "-r", REQUIREMENTS]
    subprocess.run(command, check=True, stdout=sys.stderr)


def packages():
    """The folder with the newest packages, another one when the requirements change."""
    return str(kept("newest-" + hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12], install))


if "MHUB_NEWEST" not in os.environ:
    place = packages()
    path = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"MHUB_NEWEST": place, "PYTHONPATH": path})

import transformers

if not transformers.__file__.startswith(os.environ["MHUB_NEWEST"]):
    sys.exit(f"{sys.argv[0]}: transformers {transformers.__version__} is not the newest")


def without_stand_ins():
    """Behind `import architectures`: this transformers would take mamba.py's functions, which stand in for mamba_ssm's in megatron-core."""
    for module in [name for name in sys.modules if name.split(".")[0] == "mamba_ssm"]:
        del sys.modules[module]
