# SPDX-License-Identifier: Apache-2.0
"""mhub upload, with huggingface_hub as judge: python hub_upload_check.py MHUB SCRATCH.

What mhub uploads is the tree that huggingface_hub makes of the same folder, with the same requests, and huggingface_hub downloads it; what the Hub has
is not sent again, also after a kill; a bad network is lived with; errors say what to do, and the token goes to the Hub alone."""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
import time

import hub_uploads
from hub_server import Fault
from hub_world import World


def folder(world, name="model"):
    """A model with everything that is special to an upload."""
    place = world.scratch / name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(world.scratch / "tiny", place)
    for path, content in {"README.md": b"---\nlicense: mit\n---\n# Tiny\n", "sub/more.bin": os.urandom(3000), "sub/deep/\u00fc b.txt": b"text", "empty.bin": b"", ".gitignore": b"*.log\n",
                          "run.log": b"noise", ".hidden": b"shown", "again.bin": b"same", "same.bin": b"same", "large.safetensors": os.urandom(12 << 20), "exact.bin": os.urandom(2 * (5 << 20)),
                          ".git/config": b"no", "sub/.git/config": b"no", ".cache/huggingface/upload/x": b"no"}.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)
    os.symlink("sub/more.bin", place / "linked.bin")
    return place


def tree(world, name, branch="main"):
    return {path: (entry["size"], entry["sha1"], entry["sha256"]) for path, entry in world.hub.repos[name].at(branch).entries.items()}


def requests(world):
    """Which there were, whatever the repository and the upload are called. huggingface_hub sends what two files have in common twice."""
    with world.hub.mutex:
        return {(entry["method"], re.sub(r"/part/[^/]+/|org/[a-z0-9.]+|(?<=uploadId=)[^&]+", "*", entry["path"])) for entry in world.hub.log}


def puts(world):
    with world.hub.mutex:
        return [entry for entry in world.hub.log if entry["method"] == "PUT"]


def as_huggingface_hub(world):
    place = folder(world)
    for branch, judges in (("main", ["1.x", "2.x"]), ("iter/2", ["2.x"])):
        found = {}
        for who in ("mhub", *judges):
            name, home = f"org/by{who}", world.cache(f"by-{who}")
            world.hub.uploads = hub_uploads.Uploads()  # what another one brought is not there
            world.hub.repos = {known: repo for known, repo in world.hub.repos.items() if not known.startswith("org/by") or known == name}
            world.hub.forget()
            if who == "mhub":
                answer = json.loads(world.run(home, "upload", str(place), f"{name}@{branch}", "--create", "--private", "--message", "as trained", "--json", token=world.hub.token))
                commit = answer["commit"]
                world.check(len({entry["path"] for entry in puts(world)}) == len(puts(world)), f"{branch}: something was sent twice")
                world.check("run.log" in world.said and answer["files"] == len(tree(world, name, branch)) - 1, f"{branch}: mhub says {answer}: {world.said}")
            else:
                commit = world.ask(who, home, "upload", name, str(place), branch, token=world.hub.token, MESSAGE="as trained")
            found[who] = (tree(world, name, branch), requests(world), world.hub.repos[name].private, world.hub.messages[commit])
            world.check(world.hub.repos[name].at(branch).commit == commit, f"{branch}: {who} made {commit}")
        for which in judges:
            for part, mine, theirs in zip(("tree", "requests", "private", "message"), found["mhub"], found[which]):
                world.check(mine == theirs, f"{branch}: {part}: mhub has {mine}, huggingface_hub {which} has {theirs}")
    world.check(set(tree(world, f"org/by{which}")) == {".gitattributes"}, "the branch is main, too")


def comes_back(world):
    """What mhub uploaded, huggingface_hub downloads; and mhub."""
    place = folder(world)
    world.run(world.cache("sender"), "upload", str(place), "org/round", "--create", token=world.hub.token)
    for which in world.pythons:
        home = world.cache("receiver" + which)
        snapshot = world.ask(which, home, "fill", "org/round")
        for name, entry in world.hub.repos["org/round"].entries.items():
            content = open(os.path.join(snapshot, name), "rb").read()
            world.check(content == entry["content"] and (name == ".gitattributes" or content == (place / name).read_bytes()), f"{which}: {name} came back otherwise")
    world.run(home, "verify", "org/round", "tiny", offline=True)
    world.run(world.cache("receiver"), "verify", "hf://org/round", "tiny")
    # A folder of a cache is links.
    world.run(home, "upload", snapshot, "org/second", "--create", token=world.hub.token)
    world.check(tree(world, "org/second") == tree(world, "org/round"), "a snapshot of the cache is uploaded as something else")


def nothing_twice(world):
    place, home, token = folder(world), world.cache("twice"), world.hub.token
    world.run(home, "upload", str(place), "org/twice", "--create", token=token)
    first = world.hub.repos["org/twice"].commit
    world.hub.forget()
    answer = json.loads(world.run(home, "upload", str(place), "org/twice", "--json", token=token))
    world.check(answer["commit"] == first == world.hub.repos["org/twice"].commit and answer["uploaded_bytes"] == 0, f"nothing new: {answer}")
    world.check(not puts(world) and not any("/commit/" in entry["path"] for entry in world.hub.log), "nothing new was sent")
    (place / "sub/more.bin").write_bytes(b"other")
    world.run(home, "upload", str(place), "org/twice@v2", "--create", token=token)
    world.check(len(puts(world)) == 1 and puts(world)[0]["received"] == 5, f"one file is new: {puts(world)}")
    world.check(tree(world, "org/twice", "v2")["sub/more.bin"][0] == 5 and world.hub.repos["org/twice"].commit == first, "the branch has it, and main has not")


def killed(world):
    """kill -9 after some of the objects: what had come whole is not sent again."""
    place, home = world.scratch / "many", world.cache("killed")
    place.mkdir()
    for k in range(12):
        (place / f"{k}.bin").write_bytes(os.urandom(1 << 20))
    world.hub.forget()
    world.hub.pace = 4e6
    process = world.start(home, "upload", str(place), "org/many", "--create", token=world.hub.token)
    while len([entry for entry in puts(world) if entry["status"] == 200]) < 5 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    time.sleep(0.5)
    there, world.hub.pace = len(world.hub.uploads.store), 0
    world.hub.forget()
    before = set(world.hub.uploads.store)
    world.run(home, "upload", str(place), "org/many", token=world.hub.token)
    sent = {re.search("/lfs/([0-9a-f]+)", entry["path"])[1] for entry in puts(world)}
    world.check(there >= 5 and not sent & before, f"{there} objects were there, {len(sent & before)} of them were sent again")
    world.check(len(tree(world, "org/many")) == 13, "not all came")


def bad_networks(world):
    place, home, token = folder(world), world.cache("bad"), world.hub.token

    def send(what, *faults, code=0, has=(), **more):
        world.hub.forget()
        world.hub.uploads = hub_uploads.Uploads()
        world.hub.repos.pop("org/bad", None)
        world.hub.faults.extend(faults)
        world.run(home, "upload", str(place), "org/bad", "--create", token=token, code=code, **more)
        world.check(all(fault.times == 0 or fault.times > 50 for fault in faults), f"{what}: nothing went wrong")
        for part in has:
            world.check(part in world.said, f"{what}: says {world.said!r}, without {part!r}")
        if code == 0:
            world.check(set(tree(world, "org/bad")) == expected, f"{what}: {set(tree(world, 'org/bad')) ^ expected}")

    expected = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and ".git" not in path.parts and ".cache" not in path.parts} - {"run.log"} | {".gitattributes"}
    send("refused for a while", Fault("/preupload/", "status", 1, 429, {"Retry-After": "0"}, methods=("POST",)), Fault("/lfs/|/part/", "status", 2, 503, methods=("PUT",)),
         Fault("/objects/batch", "status", 1, 500, methods=("POST",)), Fault("complete_multipart", "status", 1, 502, methods=("POST",)))
    send("a commit whose answer is lost", Fault("/commit/", "drop", 1, methods=("POST",)))
    world.check(list(world.hub.messages).count(world.hub.repos["org/bad"].commit) == 1 and sum("/commit/" in entry["path"] for entry in world.hub.log) == 1, "it was made twice")
    send("addresses that expire", Fault("/part/", "status", 1, 403, methods=("PUT",)), Fault("/lfs/[0-9a-f]+", "status", 1, 403, methods=("PUT",)))
    send("refused for ever", Fault("/part/", "status", 99, 403, methods=("PUT",)), code=4, has=["org/bad: ", "127.0.0.1", "403", "not valid"])


def errors_and_token(world):
    place, home, token = folder(world), world.cache("errors"), world.hub.token
    world.hub.forget()

    def refused(*arguments, code, has, **more):
        world.run(home, "upload", *arguments, code=code, **more)
        for part in has:
            world.check(part in world.said, f"{arguments}: says {world.said!r}, without {part!r}")
        world.check(token not in world.said and "Signature" not in world.said and "signature" not in world.said, f"a secret is in {world.said!r}")

    refused(str(place), "org/new", code=2, has=["HF_TOKEN"])
    refused(str(place), "org/new", token="hf_wrong", code=4, has=["does not know the token"])
    refused(str(place), "org/new", token=token, code=4, has=["org/new", "--create"])
    refused(str(place), "gpt2@dev", token=token, code=2, has=["org/name"])
    refused(str(place), "org/tiny@dev", token=token, code=4, has=["no such branch", "--create"])
    refused(str(place), "org/new", "--private", token=token, code=2, has=["--create"])
    refused(str(place / "nowhere"), "org/new", token=token, code=4, has=["nowhere"])
    refused(str(place / "README.md"), "org/new", token=token, code=3, has=["folder"])
    refused(str(place), "org/new", token=token, code=4, has=["HF_HUB_OFFLINE"], HF_HUB_OFFLINE="1")
    world.hub.refused = {hashlib.sha256((place / "exact.bin").read_bytes()).hexdigest()}
    refused(str(place), "org/new", "--create", token=token, code=4, has=["exact.bin", "no room"])
    world.hub.refused = set()
    (place / "README.md").write_text("---\nwrong: [\n---\n")
    refused(str(place), "org/new", token=token, code=3, has=["README.md", "not YAML"])
    (place / "README.md").unlink()
    (place / ".cache/other").write_text("x")
    refused(str(place), "org/new", token=token, code=3, has=[".cache/other"])
    with world.hub.mutex:
        carried = {entry["server"] for entry in world.hub.log if entry["authorization"]}
    world.check(carried == {"hub"}, f"the token went to {carried}")


def main():
    world = World(*sys.argv[1:3])
    for part in (as_huggingface_hub, comes_back, nothing_twice, killed, bad_networks, errors_and_token):
        if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]:
            began = time.time()
            part(world)
            print(f"{part.__name__}: {time.time() - began:.1f} s", flush=True)
    world.finish()


if __name__ == "__main__":
    main()
