# SPDX-License-Identifier: Apache-2.0
"""A download from a Hub on this machine against curl's: python download_vs_curl.py MHUB SCRATCH [GIGABYTES]

Both fetch one large file over TLS from the same server and write it to the same disk; mhub also checks its hash. Their turns alternate."""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))
import hub_server

ROUNDS = 3


@contextlib.contextmanager
def served(scratch, files, pace=0):
    """The environment in which a Hub has these files as org/name. The server is a process of its own, as the clients are. `pace`: bytes a second
    that a connection has at most."""
    pid, ready = os.fork(), scratch / "ready"
    if pid == 0:
        hub = hub_server.Hub(scratch / "hub", {"org/name": hub_server.Repo(files)})
        hub.pace = pace
        ready.with_suffix(".next").write_text(f"{hub.endpoint}\n{hub.certificate}\n")
        os.rename(ready.with_suffix(".next"), ready)
        time.sleep(3600)
    try:
        while not ready.exists():
            time.sleep(0.1)
        endpoint, certificate = ready.read_text().split()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "CURL_CA"))}
        yield clean | {"HF_ENDPOINT": endpoint, "HF_HOME": str(scratch / "home"), "SSL_CERT_FILE": certificate, "NO_PROXY": "*", "no_proxy": "*"}
    finally:
        os.kill(pid, 9)


def main():
    mhub, scratch = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
    size = int(float(sys.argv[3]) * 1e9) if len(sys.argv) > 3 else 4_000_000_000
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    block = os.urandom(1 << 24)
    with open(scratch / "weights", "wb") as file:
        for begin in range(0, size, len(block)):
            file.write(block[: size - begin])
    with served(scratch, {"config.json": b"{}", "model.safetensors": str(scratch / "weights")}) as environment:
        times = {"curl": [], "mhub": []}
        for _ in range(ROUNDS):
            for who in times:
                shutil.rmtree(scratch / "home", ignore_errors=True)
                (scratch / "file").unlink(missing_ok=True)
                curl = ["curl", "-sSfL", "--cacert", environment["SSL_CERT_FILE"], "-o", scratch / "file", f"{environment['HF_ENDPOINT']}/org/name/resolve/main/model.safetensors"]
                began = time.time()
                subprocess.run(curl if who == "curl" else [mhub, "download", "org/name", "--include", "*"], env=environment, check=True, capture_output=True)
                times[who].append(time.time() - began)
                print(f"{who} {times[who][-1]:.2f} s, {size / times[who][-1] / 1e6:.0f} MB/s", flush=True)
    ratios = [theirs / ours for theirs, ours in zip(times["curl"], times["mhub"])]
    print(f"mhub has {statistics.median(ratios):.2f} of curl's rate ({min(ratios):.2f} to {max(ratios):.2f})")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
