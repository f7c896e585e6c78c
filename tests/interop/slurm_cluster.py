# SPDX-License-Identifier: Apache-2.0
"""A real Slurm of four logical nodes on this machine, in one folder: munged, slurmctld and four slurmd, which this module starts and stops."""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

NODES = ["n1", "n2", "n3", "n4"]
PROGRAMS = ["munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo"]
CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/ctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
SlurmdTimeout=10
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=10000
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


def missing():
    """The programs that are not here; one that is in /usr/sbin counts."""
    return [name for name in PROGRAMS if not find(name)]


def find(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """`environment` is what Slurm's commands need to reach it."""

    def __init__(self):
        # Short: a socket's path may not be long.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mhub-slurm-"))
        self.folder.chmod(0o755)
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        atexit.register(self.stop)
        for name in ("state", "log"):
            (self.folder / name).mkdir()
        ports = free_ports(1 + len(NODES))
        host = socket.gethostname()
        nodes = "\n".join(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 State=UNKNOWN" for name, port in zip(NODES, ports[1:]))
        (self.folder / "slurm.conf").write_text(CONFIG.format(folder=self.folder, host=host, ports=ports, nodes=nodes))
        key = self.folder / "munge.key"
        self.call("mungekey", "-c", "-f", "-k", str(key))
        key.chmod(0o400)
        place = self.folder
        self.call("munged", f"--key-file={key}", f"--socket={place}/munge.sock", f"--pid-file={place}/munged.pid", f"--log-file={place}/munged.log",
                  f"--seed-file={place}/munged.seed", "--force")
        self.call("slurmctld")
        for node in NODES:
            self.call("slurmd", "-N", node)
        self.wait(lambda: self.say("sinfo", "--noheader", "--format=%D %t").split() == ["4", "idle"], "all nodes are idle")

    def call(self, program, *arguments):
        done = subprocess.run([find(program), *arguments], env=os.environ | self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done.stdout

    def say(self, program, *arguments):
        try:
            return self.call(program, *arguments)
        except RuntimeError as error:
            return str(error)

    def wait(self, true, what, seconds=60):
        until = time.time() + seconds
        while not true():
            if time.time() > until:
                raise RuntimeError(f"after {seconds} s it is not so that {what}: {self.say('squeue')}{self.say('sinfo')}")
            time.sleep(0.1)

    def jobs(self, states="all"):
        """(id, state, name) of each job or task."""
        lines = self.call("squeue", "--noheader", "--array", f"--states={states}", "--format=%i|%T|%j").splitlines()
        return [tuple(line.split("|", 2)) for line in lines]

    def numbers(self):
        """Of all jobs that were ever submitted: the last one's."""
        return max((int(one[0].split("_")[0]) for one in self.jobs()), default=0)

    def pid(self, name):
        path = self.folder / f"{name}.pid"
        return int(path.read_text()) if path.exists() and path.read_text().strip() else None

    def stop(self):
        """Ends what this object has started, by the pids in its folder."""
        if not self.folder.exists():
            return
        self.say("scancel", "--full", f"--user={os.geteuid()}")
        for name in [*(f"slurmd-{node}" for node in NODES), "slurmctld", "munged"]:
            self.end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def end(self, name):
        """Ends one of the daemons."""
        pid = self.pid(name)
        for kind in (signal.SIGTERM, signal.SIGKILL) if pid else ():
            try:
                os.kill(pid, kind)
                for _ in range(50):
                    os.kill(pid, 0)
                    time.sleep(0.1)
            except ProcessLookupError:
                return
