# SPDX-License-Identifier: Apache-2.0
"""Recipes as jobs of a real Slurm with four nodes, and conversions under a real mpirun: python slurm_check.py MHUB SCRATCH [PART]...

Jobs are killed, nodes drained, the process that follows them killed and started again; what was done is never done twice. A conversion that is shared
is byte for byte that of one process. Without Slurm and OpenMPI this test fails: see tests/packages.txt."""

import filecmp
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import hub_server
import slurm_cluster
from hub_world import World
from recipes_check import MODELS, commits, killed_at, make_models, statuses, write_sweep, written

MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
SLURM = ["--executor", "slurm", "--poll", "0.3"]
SPLIT = """defaults: {verify: true}
matrix:
  model: [gpt2_untied, llama_two_groups]
  layout: [{name: dist, tp: 2}, {name: dist4, tp: 2, pp: 2}, {name: torch, tp: 2, to: torch}, {name: hf, to: hf, max_shard_size: 60KB}, {name: h5, to: hdf5}]
name: "split-${model}-${layout}"
source: models-made/${model}
output: ${out}/${model}-${layout}
variables: {out: "${env:SPLIT_OUT}"}
"""


def same(world, a, b):
    """Two files or folders hold the same bytes under the same names."""
    if a.is_file():
        return world.check(b.is_file() and filecmp.cmp(a, b, shallow=False), f"{a} and {b} differ")
    files = [sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) for root in (a, b)]
    world.check(files[0] == files[1] and files[0], f"{a} and {b} have other files: {files}")
    for name in files[0]:
        world.check((b / name).is_file() and filecmp.cmp(a / name, b / name, shallow=False), f"{b / name} is not {a / name}")


def outputs(folder):
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def split(world, cluster):
    """Over four Slurm tasks, over four ranks of mpirun, of srun: the bytes of one process."""
    home = world.cache("split")
    (world.scratch / "split.yaml").write_text(SPLIT)

    def run(out, *options, **more):
        answer = json.loads(world.run(home, "run", "split.yaml", "--json", *options, offline=True, SPLIT_OUT=out, **more))
        world.check(set(statuses(answer)) == {"done"} and all(one["verified"] for one in answer["conversions"]), f"{out}: {statuses(answer)}")

    run("one")
    before = cluster.numbers()
    run("slurm", *SLURM, "--parts", "4", **cluster.environment)
    tasks = [name for number, _, name in cluster.jobs() if int(number.split("_")[0]) > before and "_" in number]
    world.check(len(tasks) == 2 * 4 * 4, f"{len(tasks)} tasks of arrays")
    world.check(not any("-h5-" in name for name in tasks), "an HDF5 archive was written in parts")
    run("mpi", "--executor", "mpi", "--parts", "4", "--mpi-option=--oversubscribe", **MPI)
    for path in outputs(world.scratch / "one"):
        same(world, path, world.scratch / "slurm" / path.name)
        same(world, path, world.scratch / "mpi" / path.name)
    world.check(len(outputs(world.scratch / "one")) == 10, "not all are there")
    ranks(world, cluster, home)


def ranks(world, cluster, home):
    """`mhub convert --part mpi` by itself; a rank that fails, one that is killed, and a format of one file."""
    mpirun, source = ["mpirun", "--oversubscribe", "-n", "4"], "models-made/llama_two_groups"
    options = {"dist": ["--tp", "2"], "torch": ["--tp", "2", "--to", "torch"], "hf": ["--to", "hf", "--max-shard-size", "60KB"]}

    def launch(launcher, out, options, code=0, **more):
        done = subprocess.run([*launcher, world.mhub, "convert", source, out, *options, "--part", "mpi", "--verify"], cwd=world.scratch, text=True,
                              env=world.hub.environment(home) | MPI | more, capture_output=True)
        world.check((done.returncode == 0) == (code == 0), f"{launcher[0]} {out}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stderr

    for name, more in options.items():
        launch(mpirun, f"ranks-{name}", more)
        same(world, world.scratch / f"one/llama_two_groups-{name}", world.scratch / f"ranks-{name}")
        launch(["srun", "-N4", "-n4", "--kill-on-bad-exit=1"], f"tasks-{name}", more, **cluster.environment)
        same(world, world.scratch / f"one/llama_two_groups-{name}", world.scratch / f"tasks-{name}")
    world.check("one file that one process writes" in launch(mpirun, "ranks.h5", ["--to", "hdf5"], 2), "HDF5 in parts")
    world.check("exists" in launch(mpirun, "ranks-dist", options["dist"], 2), "an output that is there")
    # One of four is killed as it begins: mpirun ends the others, and the same command goes on.
    killer = world.scratch / "killer.sh"
    killer.write_text("#!/bin/sh\n[ \"$OMPI_COMM_WORLD_RANK\" = 2 ] && kill -9 $$\nexec \"$@\"\n")
    killer.chmod(0o755)
    began = time.time()
    launch([*mpirun, str(killer)], "ranks-killed", options["dist"], 1)
    world.check(time.time() - began < 60 and not (world.scratch / "ranks-killed").exists(), "mpirun goes on without a rank")
    launch(mpirun, "ranks-killed", options["dist"])
    same(world, world.scratch / "one/llama_two_groups-dist", world.scratch / "ranks-killed")


def sweep(world, cluster, home, *more, code=0, **environment):
    out = world.run(home, "run", "sweep.yaml", "--json", *SLURM, *more, token=world.hub.token, code=code, **cluster.environment, **environment)
    return json.loads(out)


def check_all_done(world, cluster, home, folder, owner, *more, **environment):
    """All are verified and uploaded once; a run after it does nothing and asks for no job."""
    answer, count = sweep(world, cluster, home, *more, **environment), 3 * len(MODELS)
    found, now, made = statuses(answer), written(world, folder), commits(world, owner)
    world.check(set(found) <= {"done", "up_to_date"}, f"{found} {[one.get('error') for one in answer['conversions']]}")
    world.check(all(one["verified"] for one in answer["conversions"]) and len(now) == count, "not all are verified")
    world.check(len(made) == count and len(world.hub.messages) == count, f"{len(made)} branches, {len(world.hub.messages)} commits")
    before = cluster.numbers()
    world.hub.forget()
    answer = sweep(world, cluster, home, *more, **environment)
    world.check(set(statuses(answer)) == {"up_to_date"}, f"{statuses(answer)}")
    world.check(cluster.numbers() == before and not world.hub.log, "the third run has jobs, or asks the Hub")
    world.check(written(world, folder) == now and commits(world, owner) == made, "something was written again")
    said = world.run(home, "run", "sweep.yaml", *SLURM, *more, token=world.hub.token, **cluster.environment, **environment)
    world.check(f"{count} of {count} are done, {count} of them were before" in said and "nothing to do" in said, said[-300:])
    return found


def alive(cluster):
    """Processes of jobs: mhub under a slurmstepd of this cluster."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"SLURM_CONF={cluster.folder}/".encode() in path.read_bytes() and b"SLURM_JOB_ID=" in path.read_bytes():
                if (path.parent / "comm").read_text().strip() == "mhub":
                    found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def kill(pid, kind):
    try:
        os.kill(pid, kind)
    except ProcessLookupError:
        pass


def faults(world, cluster):
    """scancel, kill -9 of mhub, a node that is drained and one that dies, and the process that follows them killed four times."""
    home, chance, before = world.cache("faults"), random.Random(11), {}
    world.hub.delay = 0.05
    done_to = {"scancel": 0, "kill": 0, "drain": 0, "submitter": 0}
    options = ["--parts", "4", "--resubmit", "50"]
    process, goals, drained = None, [3, 9, 16, 22], None
    until = time.time() + 400
    while time.time() < until:
        if process is None or process.poll() is not None:
            if process is not None and process.returncode is not None and process.returncode >= 0:
                break
            process = world.start(home, "run", "sweep.yaml", "--json", *SLURM, *options, token=world.hub.token, **cluster.environment)
        time.sleep(chance.random() * 0.4)
        now = written(world, "sweep")
        world.check(all(now.get(name) == at for name, at in before.items()), "an output was written again")
        before = now
        if goals and len(now) >= goals[0]:
            goals.pop(0)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            done_to["submitter"] += 1
            if drained is not None:
                cluster.call("scontrol", "update", f"NodeName={drained}", "State=RESUME")
            drained = chance.choice(slurm_cluster.NODES)
            cluster.call("scontrol", "update", f"NodeName={drained}", "State=DRAIN", "Reason=test")
            done_to["drain"] += 1
            continue
        if done_to["scancel"] < 10:
            running = [number for number, _, _ in cluster.jobs("RUNNING")]
            if running:
                cluster.say("scancel", chance.choice(running))
                done_to["scancel"] += 1
        if done_to["kill"] < 10:
            pids = alive(cluster)
            if pids:
                kill(chance.choice(pids), signal.SIGKILL)
                done_to["kill"] += 1
    out, said = process.communicate()
    if drained is not None:
        cluster.call("scontrol", "update", f"NodeName={drained}", "State=RESUME")
    world.check(process.returncode == 0, f"the last run: {process.returncode} {out[-2000:]} {said[-500:]}")
    world.hub.delay = 0
    print("faults:", done_to, {name: len(which) for name, which in statuses(json.loads(out)).items()}, flush=True)
    world.check(min(done_to.values()) >= 3, f"{done_to}")
    check_all_done(world, cluster, home, "sweep", "made", *options)
    world.check(all(written(world, "sweep").get(name) == at for name, at in before.items()), "an output was written again")


CHAIN = """name: chain
conversions:
  - {name: there, source: models-made/gpt2_untied, output: chain/there, tp: 2}
  - {name: back, source: "${outputs.there}", output: chain/back, to: hf, generate: {tokens: "1,2", max_new_tokens: 2}}
  - {name: asked, source: models-made/gpt2_untied, generate: {tokens: "1,2", max_new_tokens: 2}}
"""


def drained(cluster, state):
    cluster.call("scontrol", "update", "NodeName=n[1-4]", f"State={state}", *(["Reason=test"] if state != "RESUME" else []))


def chain(world, cluster, home, *more):
    return world.start(home, "run", "chain.yaml", "--json", *SLURM, *more, HF_HUB_OFFLINE="1", **cluster.environment)


def ended(world, process, code):
    out, said = process.communicate()
    world.check(process.returncode == code, f"exit code {process.returncode}, expected {code}: {out[-1500:]}{said[-500:]}")
    return json.loads(out)


def taken_up(world, cluster):
    """Jobs that wait are submitted once, whoever follows them: after a kill, after Ctrl-C, by two at once; --cancel cancels them; another recipe has others."""
    home = world.cache("chain")
    (world.scratch / "chain.yaml").write_text(CHAIN)
    cluster.wait(lambda: not cluster.jobs("PENDING,RUNNING,COMPLETING"), "the queue is empty")
    drained(cluster, "DRAIN")
    mine = lambda: sorted({(number.split("_")[0], name) for number, _, name in cluster.jobs("PENDING,RUNNING")})

    def submitted(process, count=5):
        cluster.wait(lambda: len(mine()) == count or process.poll() is not None, f"{count} jobs are submitted")
        return mine()

    first = chain(world, cluster, home, "--parts", "2")
    jobs = submitted(first)
    world.check(len(jobs) == 5, f"{jobs}")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    again = chain(world, cluster, home, "--parts", "2")
    time.sleep(2)
    world.check(mine() == jobs, f"{mine()} are not {jobs}")
    again.send_signal(signal.SIGINT)
    answer = ended(world, again, 130)
    world.check(set(statuses(answer)) == {"interrupted"} and "go on" in answer["conversions"][0]["error"]["message"], f"{answer}")
    world.check(mine() == jobs, "Ctrl-C has changed the jobs")
    # Another conversion, and what is made of it.
    changed = chain(world, cluster, home, "--parts", "2", "--set", "there.tp=1")
    cluster.wait(lambda: len({name for name in mine()} & set(jobs)) == 1, "all jobs but one are new")
    changed.send_signal(signal.SIGKILL)
    changed.communicate()
    said = json.loads(world.run(home, "run", "chain.yaml", "--json", "--executor", "slurm", "--cancel", **cluster.environment))
    world.check(said["cancelled_jobs"] == 5, f"{said}")
    cluster.wait(lambda: not mine(), "all jobs are cancelled")
    both = [chain(world, cluster, home, "--parts", "2") for _ in range(2)]
    jobs = submitted(both[0])
    time.sleep(1)
    world.check(mine() == jobs, "two processes have submitted the same")
    drained(cluster, "RESUME")
    for process in both:
        world.check(set(statuses(ended(world, process, 0))) <= {"done", "up_to_date"}, "one of two has failed")
    world.run(home, "verify", "models-made/gpt2_untied", "chain/back", offline=True)


def failures(world, cluster):
    """What fails stops what needs it; what is lost again and again is given up; a controller that is away is waited for; a node that dies is no end."""
    home = world.cache("chain")
    (world.scratch / "chain.yaml").write_text(CHAIN)
    shutil.rmtree(world.scratch / "chain", ignore_errors=True)
    answer = ended(world, chain(world, cluster, home, "--keep-going", "--set", "there.source=models-made/absent"), 4)
    found = {one["name"]: one["status"] for one in answer["conversions"]}
    world.check(found == {"there": "failed", "back": "not_run", "asked": "done"}, f"{found}")
    world.check("needs there" in next(one for one in answer["conversions"] if one["name"] == "back")["why"], "why it was not run")
    answer = ended(world, chain(world, cluster, home, "--parts", "2", "--keep-going", "--set", "there.tp=3"), 3)
    world.check({one["name"]: one["status"] for one in answer["conversions"]} == found, f"parts: {statuses(answer)}")
    cluster.wait(lambda: not cluster.jobs("PENDING,RUNNING"), "no job is left of what failed")
    # Cancelled again and again.
    world.hub.delay = 0.5
    process = world.start(home, "run", "chain.yaml", "--json", *SLURM, "--resubmit", "1", "--only", "asked", "--set", "asked.source=models/gpt2", **cluster.environment)
    while process.poll() is None:
        for number, _, _ in cluster.jobs("PENDING,RUNNING"):
            cluster.say("scancel", number)
        time.sleep(0.2)
    world.hub.delay = 0
    answer = ended(world, process, 4)
    world.check("was lost" in answer["conversions"][0]["error"]["message"] and "1 times" in answer["conversions"][0]["error"]["message"], f"{answer['conversions']}")
    away(world, cluster, home)


def away(world, cluster, home):
    """The controller and a node's daemon go away while jobs wait, and come back."""
    drained(cluster, "DRAIN")
    process = chain(world, cluster, home, "--parts", "2")
    cluster.wait(lambda: len(cluster.jobs("PENDING")) >= 7, "jobs wait")
    before = cluster.numbers()
    cluster.end("slurmctld")
    time.sleep(2)
    world.check(process.poll() is None, "it gives up without a controller")
    cluster.call("slurmctld")
    cluster.wait(lambda: "n1" in cluster.say("sinfo", "--noheader", "-N"), "the controller is back")
    cluster.end("slurmd-n1")
    cluster.call("scontrol", "update", "NodeName=n1", "State=DOWN", "Reason=test")
    def resumed(node):
        """A controller that has just begun says no to this and does it."""
        cluster.say("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return cluster.say("sinfo", "--noheader", f"--nodes={node}", "--format=%T").strip() in ("idle", "mixed", "allocated", "completing")

    for node in slurm_cluster.NODES[1:]:
        cluster.wait(lambda node=node: resumed(node), f"{node} is resumed")
    answer = ended(world, process, 0)
    world.check(set(statuses(answer)) == {"done"}, f"{statuses(answer)}")
    world.check(cluster.numbers() <= before + 2, "jobs were submitted again")
    cluster.call("slurmd", "-N", "n1")
    cluster.wait(lambda: resumed("n1"), "n1 is resumed")


def mpi(world, cluster):
    """The same sweep with each conversion under mpirun, through four kills."""
    home = world.cache("mpi")
    options = ["--executor", "mpi", "--parts", "4", "--mpi-option=--oversubscribe"]

    def start(*more):
        return world.start(home, "run", "sweep.yaml", *options, *more, token=world.hub.token, SWEEP_OUT="ranks", **MPI)

    before = killed_at(world, lambda: start("--json"), "ranks", (3, 10, 17, 24), random.Random(3), 0.3)
    answer = ended(world, start("--json"), 0)
    world.check(set(statuses(answer)) <= {"done", "up_to_date"} and all(one["verified"] for one in answer["conversions"]), f"{statuses(answer)}")
    now, count = written(world, "ranks"), 3 * len(MODELS)
    world.check(all(now[name] == at for name, at in before.items()) and len(now) == count, "an output was written again, or is missing")
    world.hub.forget()
    said, _ = start().communicate()
    world.check(f"{count} of {count} are done, {count} of them were before" in said and not world.hub.log, said[-300:])
    world.check(written(world, "ranks") == now, "an output was written again")


def main():
    world = World(*sys.argv[1:3])
    absent = slurm_cluster.missing() + [name for name in ("mpirun", "srun") if not shutil.which(name)]
    if absent:
        sys.exit(f"not here: {', '.join(absent)}; apt-get install slurm-wlm munge openmpi-bin")
    if os.geteuid() != 0:
        sys.exit("slurmd starts jobs as their user and has to be root's")
    make_models(world)
    write_sweep(world)
    cluster = slurm_cluster.Cluster()
    try:
        for part in (split, taken_up, failures, faults, mpi):
            if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]:
                began = time.time()
                world.hub.forget()
                part(world, cluster)
                print(f"{part.__name__}: {time.time() - began:.1f} s", flush=True)
    finally:
        cluster.stop()
    world.finish()


if __name__ == "__main__":
    main()
