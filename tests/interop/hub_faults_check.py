# SPDX-License-Identifier: Apache-2.0
"""Downloads over a bad network: python hub_faults_check.py MHUB SCRATCH.

Killed at random moments, interrupted, refused, cut off, damaged on the way, silent, slow: the file is whole in the end, nothing is fetched
twice but what was under way, and what cannot be helped is one clear line."""

import concurrent.futures
import pathlib
import random
import signal
import sys
import time

from hub_server import Fault
from hub_world import World

NAME, FILE = "org/large", "model.safetensors"
CHUNK, CONNECTIONS = 8 << 20, 8


def size(world):
    return world.hub.repos[NAME].entries[FILE]["size"]


def killed(world, kills=30):
    """kill -9 at random moments: each may cost the chunks under way and those that waited for their turn, and no more."""
    home, generator, finished = world.cache("killed"), random.Random(5), 0
    world.hub.forget()
    world.hub.pace = 6e6
    begun = time.time()
    for k in range(kills):
        process = world.start(home, "download", NAME, "--connections", "4")
        try:
            process.wait(timeout=generator.uniform(0.05, 0.5))
            finished += 1
        except Exception:
            process.send_signal(signal.SIGKILL)
            process.wait()
        part = world.hub.repos[NAME].entries[FILE]
        incomplete = home / "hub/models--org--large/blobs" / (part["sha256"] + ".incomplete")
        if incomplete.exists():
            world.check(incomplete.read_bytes() == part["content"][: incomplete.stat().st_size], f"kill {k}: what is left is not the file's beginning")
    time.sleep(0.3)
    world.hub.pace = 0
    world.run(home, "download", NAME)
    world.check_snapshot(home, NAME, ["config.json", FILE, "tokenizer.json"], "after kills")
    twice = world.hub.sent() - size(world)
    # The server counts what it has written into a socket, and a killed client had not read.
    bound = kills * 4 * CHUNK
    world.check(0 <= twice <= bound, f"{twice} bytes were sent twice by {kills} kills, expected at most {bound}")
    answer = world.ask("2.x", home, "verify", NAME)
    world.check(answer and not answer["mismatches"], f"verify says {answer}")
    print(f"  {kills} kills in {time.time() - begun:.1f} s, {finished} of them too late; {twice / 1e6:.0f} MB sent twice")


def interrupted(world):
    """Ctrl-C: exit code 130, and the next run goes on; so does huggingface_hub, from the files that are whole."""
    home = world.cache("interrupted")
    world.hub.forget()
    world.hub.pace = 15e6
    process = world.start(home, "download", NAME)
    while world.hub.sent() < 60e6 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    world.check(process.returncode == 130 and "goes on from there" in said, f"Ctrl-C: {process.returncode}: {said}")
    time.sleep(0.3)
    parts = list((home / "hub/models--org--large/blobs").glob("*.incomplete"))
    world.check(len(parts) == 1, f"Ctrl-C left {parts}")
    kept, world.hub.pace = parts[0].stat().st_size, 0
    world.hub.forget()
    world.run(home, "download", NAME)
    world.check(world.hub.sent() == size(world) - kept, f"after Ctrl-C {world.hub.sent()} bytes came, of {size(world)} with {kept} there")
    world.check_snapshot(home, NAME, [FILE], "after Ctrl-C")


def bad_networks(world):
    def fetch(number, what, *faults, code=0, has=(), sent=None, waits=0, **more):
        """One network, on a Hub of its own: all of them spend their time waiting, so they run beside each other."""
        here, began = world.apart(f"bad{number}"), time.time()
        here.hub.faults.extend(faults)
        home = here.cache(f"bad{number}")
        here.run(home, "download", NAME, code=code, **more)
        here.check(all(fault.times < 100 for fault in faults), f"{what}: nothing went wrong")
        here.check(time.time() - began > waits, f"{what}: Retry-After was not waited for")
        here.check(sent in (None, here.hub.sent()), f"{what}: {here.hub.sent()} bytes came, expected {sent}")
        for part in has:
            here.check(part in here.said, f"{what}: says {here.said!r}, without {part!r}")
        if code == 0:
            here.check_snapshot(home, NAME, ["config.json", FILE, "tokenizer.json"], what)
        else:
            here.check(not (here.snapshot(home, NAME) / FILE).exists(), f"{what}: a damaged file has its name")

    bulk, whole = "xet-bridge", size(world)
    small = "resolve-cache.*config.json"
    networks = [
        (["429 with Retry-After", Fault("/api/", "status", 1, 429, {"Retry-After": "1"})], {"waits": 1}),
        (["429 for ranges", Fault(bulk, "status", 3, 429, {"Retry-After": "1"})], {}),
        (["503 everywhere", Fault("config.json", "status", 2, 503), Fault("/resolve/", "status", 1, 500), Fault(bulk, "status", 2, 502)], {}),
        (["connections that break", Fault(bulk, "drop", 6, after=3_000_000), Fault("config.json", "drop", 1, after=0)], {"sent": whole}),
        (["a connection that is silent", Fault(bulk, "stall", 1, after=1_000_000)], {"HF_HUB_DOWNLOAD_TIMEOUT": "1"}),
        (["signed addresses that expire", Fault(bulk, "status", 1, 403, methods=("GET",))], {}),
        (["a flipped byte", Fault(bulk, "flip", 1, after=1234)], {"sent": 2 * whole}),
        (["a flipped byte of a small file", Fault(small, "flip", 1, after=3)], {}),
        (["the same wrong byte twice", Fault(small, "flip", 9, after=3)], {"code": 4, "has": ["config.json", "came with the hash", "twice the same"]}),
        (["429 without an end", Fault("/api/", "status", 99, 429, {"Retry-After": "1000"})], {"code": 4, "has": ["429", "come back in 1000 s"]}),
    ]
    with concurrent.futures.ThreadPoolExecutor(5) as threads:
        for done in [threads.submit(fetch, number, *what, **expected) for number, (what, expected) in enumerate(networks)]:
            done.result()


def flip_parts(blobs, repo):
    """A byte of every part of a download is another."""
    whole = {entry["sha256"]: entry["content"] for entry in repo.entries.values()}
    for part in blobs.glob("*.incomplete"):
        content = bytearray(whole.get(part.name.removesuffix(".incomplete"), b""))
        if content:
            content[-77] ^= 4
            part.write_bytes(content)


def damaged_parts(world):
    """A killed conversion goes on, whatever became of its download: a part of it damaged since, or from the beginning."""
    name = "org/tiny"
    repo = world.hub.repos[name]
    for begun in (False, True):
        what = f"damaged {'before' if begun else 'after'} the conversion was killed"
        home, out = world.cache(f"parts-{begun}"), str(world.scratch / f"parts-{begun}")
        blobs = home / "hub/models--org--tiny/blobs"
        if begun:
            blobs.mkdir(parents=True)
            (blobs / (repo.entries["model-00001-of-00003.safetensors"]["sha256"] + ".incomplete")).touch()
            flip_parts(blobs, repo)
        # Longer than its header, which is asked for on its own.
        world.hub.faults.append(Fault(repo.entries["model-00002-of-00003.safetensors"]["sha256"], "stall", 99, after=70_000))
        process = world.start(home, "convert", name, out, "--to", "torch", "--tp", "2")
        while process.poll() is None and not list(world.scratch.glob(f".{pathlib.Path(out).name}.*")):
            time.sleep(0.02)
        time.sleep(0.5)
        world.check(process.poll() is None, f"{what}: the conversion was not killed in time")
        process.kill()
        process.wait()
        world.hub.forget()
        if not begun:
            world.check(list(blobs.glob("*.incomplete")), f"{what}: no part of a download was left")
            flip_parts(blobs, repo)
        world.run(home, "convert", name, out, "--to", "torch", "--tp", "2", "--resume")
        world.run(home, "verify", str(world.scratch / "tiny"), out)


def damaged_answers(world):
    """What no hash checks: headers that are read ahead, and weights that go straight into the output."""
    name, header = "org/tiny", "model-00002-of-00003"
    for number, options in enumerate((["--dry-run"], [], ["--no-cache"])):
        world.hub.forget()
        world.hub.faults.append(Fault("xet-bridge.*" + world.hub.repos[name].entries[header + ".safetensors"]["sha256"], "flip", 1, after=60, methods=("GET",)))
        out = str(world.scratch / f"answers-{number}")
        world.run(world.cache("answers"), "convert", name, out, *options)
        world.check(world.hub.faults[0].times == 0, f"{options}: nothing went wrong")
        if not options or "--no-cache" in options:
            world.run(world.cache("answers"), "verify", str(world.scratch / "tiny"), out)


def without_the_hub(world):
    """A cached model works where the Hub does not: with no question where it is whole, else with a note."""
    home = world.cache("cached")
    world.hub.forget()
    world.run(home, "download", "gpt2")
    for kind in (429, 500):
        world.hub.forget()
        world.hub.faults.append(Fault(".", "status", 99, kind, {"Retry-After": "600"}))
        world.run(home, "inspect", "gpt2")
        world.check(not world.hub.log, "a whole snapshot was asked about")
        (world.snapshot(home, "gpt2") / "tokenizer.json").unlink()
        began = time.time()
        world.run(home, "generate", "gpt2", "--tokens", "1,2", "--max-new-tokens", "1")
        world.check(str(kind) in world.said and "cached snapshot is taken" in world.said, f"{kind}: says {world.said}")
        world.check(time.time() - began < 5, f"{kind}: waited {time.time() - began:.1f} s")
        world.hub.forget()
        world.run(home, "download", "gpt2")
    world.hub.forget()


def main():
    world = World(*sys.argv[1:3])

    def run(part):
        began = time.time()
        part(world.apart(part.__name__))
        print(f"{part.__name__}: {time.time() - began:.1f} s", flush=True)

    # All of them wait most of the time, so they do it beside each other, each with a Hub of its own.
    with concurrent.futures.ThreadPoolExecutor() as threads:
        parts = (killed, interrupted, bad_networks, damaged_parts, damaged_answers, without_the_hub)
        for done in [threads.submit(run, part) for part in parts if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]]:
            done.result()
    world.finish()


if __name__ == "__main__":
    main()
