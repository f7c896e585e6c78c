# SPDX-License-Identifier: Apache-2.0
"""The processes of a judge that runs on one or several ranks."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def environments(world, **more):
    """The environment of each rank. They meet at a file of their own (shim.init_process_group): TCP ports that two tests
    draw at the same time collide, and then the ranks of one wait for those of the other."""
    meeting = os.path.join(tempfile.mkdtemp(prefix="mhub-ranks-"), "store")
    common = dict(os.environ, WORLD_SIZE=str(world), RENDEZVOUS=meeting, OMP_NUM_THREADS="1", **more)
    return [dict(common, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(world)]


def start(script, path, world, **more):
    """One process per rank of a script beside this file, with `more` in its environment; all it says goes to its stdout."""
    command = [sys.executable, os.path.join(HERE, script), path]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HERE, env=environment) for environment in environments(world, **more)]


def results(processes):
    """Waits; the RESULT lines by name, where a failure of any rank counts, and all that each rank said."""
    found, outputs = {}, [process.communicate()[0] for process in processes]
    for output in outputs:
        for line in output.splitlines():
            if line.startswith("RESULT "):
                result = json.loads(line[len("RESULT "):])
                if found.get(result["name"], result)["ok"]:
                    found[result["name"]] = result
    return found, outputs
