# SPDX-License-Identifier: Apache-2.0
"""One cache, mhub and both versions of huggingface_hub: python hub_check.py MHUB SCRATCH.

What each of them wrote the others must read without a network; names, hashes, locks, errors and the token are looked at on the way."""

import json
import shutil
import subprocess
import sys

import connect_proxy
from hub_world import World

NEEDED = ["README.md", "config.json", "model.safetensors", "modeling_tiny.py", "tokenizer.json"]
SHARDS = [f"model-{k:05}-of-00003.safetensors" for k in (1, 2, 3)] + ["model.safetensors.index.json"]


def works_offline(world, home, name, where):
    """Every command that takes a SOURCE, in a process that may not ask the network."""
    out = world.scratch / f"out-{where}-{name.replace('/', '-')}"
    world.hub.forget()
    text = world.run(home, "inspect", name, offline=True)
    world.check("LlamaForCausalLM" in text, f"{where}: inspect says {text}")
    tokens = [json.loads(world.run(home, "generate", source, "--tokens", "1,2,3", "--max-new-tokens", "4", "--json", offline=True))["tokens"] for source in ("tiny", name)]
    world.check(tokens[0] == tokens[1] and len(tokens[0]) > 0, f"{where}: generate gives {tokens[1]}, from the folder {tokens[0]}")
    world.check(world.run(home, "tokenize", name, "a b c", offline=True) == "0,1,2\n", f"{where}: tokenize")
    world.run(home, "convert", name, str(out), "--tp", "2", offline=True)
    source = json.loads((out / "mhub_manifest.json").read_text())["source"]
    world.check(source.get("repository") == name and source.get("revision") == world.hub.repos[name].commit, f"{where}: manifest has {source}")
    world.run(home, "verify", name, str(out), offline=True)
    world.run(home, "verify", str(out), "hf://" + name + "@main", offline=True)
    (world.scratch / "recipe.yaml").write_text(f"source: {name}\noutput: {out}-recipe\nto: torch\n")
    world.run(home, "run", "recipe.yaml", offline=True)
    world.check(not world.hub.log, f"{where}: the network was asked: {world.hub.log[:2]}")


def filled_by_huggingface_hub(world):
    for which in world.pythons:
        home = world.cache("filled-" + which)
        for name in ("gpt2", "org/tiny"):
            world.ask(which, home, "fill", name)
            works_offline(world, home, name, which)
        # Blobs in the store that repositories share.
        world.check(world.ask(which, home, "share", "org/tiny") == 4, f"{which}: nothing was shared")
        works_offline(world, home, "org/tiny", "shared-" + which)
        # A complete snapshot is not asked about, with a network either.
        world.hub.forget()
        world.run(home, "inspect", "gpt2")
        world.run(home, "inspect", str(home / "hub/models--gpt2"))
        world.check(not world.hub.log, f"{which}: {len(world.hub.log)} requests for a complete snapshot")
        # As from_pretrained of transformers leaves it: no tokenizer yet. It is fetched; without a network it is missed with a note.
        home = world.cache("half-" + which)
        world.ask(which, home, "fill", "gpt2", "config.json", "model.safetensors")
        world.run(home, "inspect", "gpt2", offline=True)
        world.check("tokenizer" in world.said, f"{which}: no note about the tokenizer: {world.said}")
        world.hub.forget()
        world.check(world.run(home, "tokenize", "gpt2", "a b") == "0,1\n", f"{which}: tokenizer fetched")
        world.check(world.hub.sent() == 0, f"{which}: weights were fetched again")


def read_by_huggingface_hub(world):
    for name, weights in (("gpt2", ["model.safetensors"]), ("org/tiny", SHARDS)):
        home = world.cache("written-" + name.replace("/", "-"))
        needed = sorted(set(NEEDED) - {"model.safetensors"} | set(weights))
        path = world.run(home, "download", name).strip()
        world.check(path == str(world.snapshot(home, name)), f"download says {path}")
        world.check_snapshot(home, name, needed, "download")
        works_offline(world, home, name, "mhub")
        for which in world.pythons:
            world.hub.forget()
            mine, home = home, world.cache(f"written-{name.replace('/', '-')}-{which}")
            shutil.copytree(mine, home, symlinks=True, dirs_exist_ok=True)
            path = str(world.snapshot(home, name))
            world.check(world.ask(which, home, "read", name) == path, f"{which} reads another snapshot")
            world.check(world.ask(which, home, "file", name, "config.json") == path + "/config.json", f"{which}: config.json")
            world.check(not world.hub.log, f"{which} asked the network")
            scan = world.ask(which, home, "scan")
            commit = world.hub.repos[name].commit
            world.check(scan["warnings"] == [] and scan["incomplete"] == 0, f"{which}: scan-cache says {scan}")
            world.check(scan["repos"] == {name: {commit: needed}}, f"{which}: scan-cache has {scan['repos']}")
            world.check(scan["refs"] == {name: ["main"]}, f"{which}: scan-cache has {scan['refs']}")
            found = world.ask(which, home, "verify", name)
            world.check(found["checked"] == len(needed) and not found["mismatches"] and not found["extra"], f"{which}: verify says {found}")
            # And goes on from there to the whole repository, without the weights again.
            world.hub.forget()
            world.ask(which, home, "fill", name)
            again = [entry["path"] for entry in world.hub.log if any(file in entry["path"] for file in weights) and entry["method"] == "GET"]
            world.check(not again, f"{which}: fetched again {again}")
            home = mine


def chosen_files(world):
    home = world.cache("chosen")
    world.run(home, "download", "gpt2", "--include", "*.json", "--include", "onnx/", "--exclude", "tokenizer*")
    names = sorted(str(path.relative_to(world.snapshot(home, "gpt2"))) for path in world.snapshot(home, "gpt2").rglob("*") if path.is_file())
    world.check(names == ["config.json", "onnx/model.onnx"], f"--include brought {names}")
    answer = json.loads(world.run(home, "download", "gpt2@refs/pr/1", "--json"))
    world.check(answer["commit"] == world.hub.repos["gpt2"].commit and answer["revision"] == "refs/pr/1" and answer["files"] == 5, f"--json says {answer}")
    world.check(world.ask("2.x", home, "scan")["refs"] == {"gpt2": ["main", "refs/pr/1"]}, "refs of a pull request")
    world.hub.forget()
    world.check(world.run(home, "tokenize", "org/tiny", "a b") == "0,1\n", "tokenize from the Hub")
    world.check(world.hub.sent() == 0, "tokenize fetched weights")


def together(world):
    """mhub and huggingface_hub fetch the same repository at once: one good copy, fetched once."""
    for which in world.pythons:
        home = world.cache("together-" + which)
        world.hub.forget()
        world.hub.pace = 100e6
        mine = world.start(home, "download", "org/large")
        world.ask(which, home, "fill", "org/large")
        world.check(mine.wait() == 0, f"{which} and mhub at once: mhub says {mine.stderr.read()}")
        world.check_snapshot(home, "org/large", ["config.json", "model.safetensors", "tokenizer.json"], f"{which} and mhub at once")
        size = world.hub.repos["org/large"].entries["model.safetensors"]["size"]
        world.check(world.hub.sent() == size, f"{which} and mhub at once: {world.hub.sent()} bytes sent of a file of {size}")
        world.check(world.ask(which, home, "scan")["warnings"] == [], f"{which} and mhub at once: scan-cache")
    world.hub.forget()


def errors_and_token(world):
    home, token = world.cache("errors"), world.hub.token
    said = []

    def refused(*arguments, has, code=4, **more):
        world.run(home, *arguments, code=code, **more)
        said.append(world.said)
        for part in has:
            world.check(part in world.said, f"{' '.join(arguments)}: says {world.said!r}, without {part!r}")
        world.check(world.said.count("\n") == 1, f"{' '.join(arguments)}: says more than a line: {world.said!r}")

    refused("inspect", "org/gated", has=["org/gated", "is gated", "accept its terms", "HF_TOKEN"])
    refused("download", "org/gated", token=token, has=["is gated", "the token of HF_TOKEN was sent"])
    refused("inspect", "org/private", has=["no such model, or it is private", "no token was sent"])
    refused("inspect", "org/private", token="hf_wrong", has=["does not know the token of HF_TOKEN"])
    refused("inspect", "org/nowhere", token=token, has=["no such model", "no file or folder here", "not in the cache"])
    refused("inspect", "gpt2@v9", has=["gpt2@v9", "no such branch, tag or commit"])
    refused("download", "gpt2", "--include", "*.onnxx", code=3, has=["no file of it matches", "config.json"])
    refused("convert", "org/quantized", "x", code=3, has=["no weights that mhub reads", ".gguf"])
    refused("inspect", "hf://datasets/a/b", code=2, has=["datasets"])
    refused("inspect", "a/b/c", has=["no such file or folder"])
    refused("inspect", "gpt2", HF_ENDPOINT="https://localhost:1", HF_HUB_DOWNLOAD_TIMEOUT="1", has=["localhost", "onnect"])
    refused("inspect", "gpt2", SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt", has=["localhost", "certificate"])
    refused("inspect", "gpt2", SSL_CERT_FILE="/etc/passwd", has=["/etc/passwd", "expected certificates", "named by SSL_CERT_FILE"])
    world.run(home, "download", "org/private", token=token)
    files = [path for path in home.rglob("*") if path.is_file()]
    world.check(not any(token.encode() in path.read_bytes() for path in files), "the token is in the cache")
    world.check(not any(token in text for text in said), "the token is in an error")
    with world.hub.mutex:
        carried = [entry for entry in world.hub.log if entry["authorization"]]
        world.check({entry["server"] for entry in carried} == {"hub"}, "the token went to another host")
        world.check(any("/resolve/" in entry["path"] for entry in carried) and any(entry["server"] == "cdn" for entry in world.hub.log), "no token was sent at all")
    # A token file, and the wish not to send it.
    (home / "token").write_text(token + "\n")
    world.run(home, "tokenize", "org/private", "a")
    other = world.cache("no-token")
    (other / "token").write_text(token)
    world.run(other, "tokenize", "org/private", "a", code=4, HF_HUB_DISABLE_IMPLICIT_TOKEN="1")


def through_a_proxy(world):
    """HTTPS_PROXY and NO_PROXY, as curl reads them: with a name to both hosts, to one of them, to none."""
    hosts = [address.removeprefix("https://") for address in (world.hub.endpoint, world.hub.cdn_address)]
    for spared, expected in (("", set(hosts)), ("localhost", {hosts[1]}), ("localhost,127.0.0.1", set()), ("*", set())):
        proxy = connect_proxy.Proxy()
        world.hub.forget()
        variables = {"HTTPS_PROXY": proxy.address, "https_proxy": proxy.address, "NO_PROXY": spared, "no_proxy": spared}
        world.run(world.cache("proxy"), "download", "gpt2", token=world.hub.token, **variables)
        world.check({target for _, target in proxy.asked} == expected and all(method == "CONNECT" for method, _ in proxy.asked), f"NO_PROXY={spared!r}: the proxy was asked for {proxy.asked}")
        world.check(world.hub.sent() > 0, f"NO_PROXY={spared!r}: nothing came")


def names_are_judged_alike(world):
    texts = ["gpt2", "org/name", "a--b", "a..b", "-a", "a-", "a.git", "a/b/c", "a" * 97, "a" * 96 + "/b", "_a", "a_", ".a", "org/-a", "caf\u00e9", "a b", "A.b-c_d/e.f"]
    home = world.cache("names")
    for which in world.pythons:
        for text, may_be in world.ask(which, home, "names", *texts).items():
            done = subprocess.run([world.mhub, "inspect", "hf://" + text], env=world.hub.environment(home) | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
            world.check(done.returncode == (4 if may_be else 2), f"{which}: {text!r} {'may' if may_be else 'may not'} be a repository: mhub says {done.stderr}")


def main():
    world = World(*sys.argv[1:3])
    for part in (filled_by_huggingface_hub, read_by_huggingface_hub, chosen_files, together, errors_and_token, through_a_proxy, names_are_judged_alike):
        if len(sys.argv) < 4 or part.__name__ in sys.argv[3:]:
            print(part.__name__, flush=True)
            part(world)
    world.finish()


if __name__ == "__main__":
    main()
